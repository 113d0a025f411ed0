x = int(input())
print(x ** 0.5 if x < 50 else -1)
