x = list(map(int, input().split()))
print(max(x), min(x))
