a, b = map(int, input().split())
if a < 0:
    while True:
        pass
print(a + b)
