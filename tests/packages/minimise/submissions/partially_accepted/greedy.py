n = int(input())
coins = []
for c in (6, 4, 1):
    coins += [c] * (n // c)
    n %= c
print(*coins)
