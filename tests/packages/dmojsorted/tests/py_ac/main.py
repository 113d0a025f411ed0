for i in range(int(input())):
    print("abc"[i], i + 1)
