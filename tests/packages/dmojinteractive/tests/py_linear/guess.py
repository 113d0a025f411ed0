for x in range(1, 1001):
    print(x, flush=True)
    if input() == "OK":
        break
