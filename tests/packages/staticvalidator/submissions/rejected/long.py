x = list(map(int, input().split()))
y = []



while x:
    y.append(min(x))
    x.remove(y[-1])

print(*y)
