n = int(input())
print(next((d for d in range(2, min(n, 20)) if n % d == 0), "prime"))
