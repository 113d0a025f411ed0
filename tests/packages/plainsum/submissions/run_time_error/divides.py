a, b = map(int, input().split())
print(a + b if b // b == 1 else 0)
