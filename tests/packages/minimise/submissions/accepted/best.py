n = int(input())
best = {0: []}
for x in range(1, n + 1):
    best[x] = min((best[x - c] + [c] for c in (1, 4, 6) if c <= x), key=len)
print(*best[n])
