for i in range(1, int(input()) + 2):
    print(i * i)
