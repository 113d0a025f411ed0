n = int(input())
print(next((d for d in range(3, n + 1, 2) if n % d == 0), 1))
