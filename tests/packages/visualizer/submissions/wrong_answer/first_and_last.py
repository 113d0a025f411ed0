x = input().split()
print(x[0], x[-1])
