for x in range(1, 16):
    print(x, flush=True)
    if int(input()) == 0:
        break
