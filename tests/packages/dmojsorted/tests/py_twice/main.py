for i in (0, 0, 1):
    print("abc"[i], i + 1)
