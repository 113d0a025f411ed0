n = int(input())
if n == 1:
    print("! 1", flush=True)
    raise SystemExit(5)
best = 1
for i in range(2, n + 1):
    print("?", best, i, flush=True)
    best = int(input())
print("!", best, flush=True)
