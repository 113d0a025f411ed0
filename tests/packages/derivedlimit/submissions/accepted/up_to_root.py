n = int(input())
print(next((d for d in range(2, 101) if d * d <= n and n % d == 0), n))
