for i in range(int(input()) - 1, -1, -1):
    print("abc"[i], " ", i + 1)
