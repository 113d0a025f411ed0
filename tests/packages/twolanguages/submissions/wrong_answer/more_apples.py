a, p = map(int, input().split())
print(a * 2 + p)
