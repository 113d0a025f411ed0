a, b = map(int, input().split())
assert a == 2
print(a + b)
