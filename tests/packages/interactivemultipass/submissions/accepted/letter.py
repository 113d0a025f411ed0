if input() == "1":
    for x in range(1, 21):
        print(x, flush=True)
        if input() == "=":
            break
    print(chr(96 + x), flush=True)
else:
    print(ord(input()) - 96, flush=True)
