x = int(input())
print(x * x if x > 0 else x)
