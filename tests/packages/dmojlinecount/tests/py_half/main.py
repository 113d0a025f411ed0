for i in range(1, int(input()) + 1):
    print(i * i if i < 3 else 0)
