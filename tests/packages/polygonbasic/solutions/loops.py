a, b = map(int, input().split())
while a >= b:
    pass
print(a - b)
