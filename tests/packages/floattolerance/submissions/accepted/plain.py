x = list(map(int, input().split()))
print("mean", sum(x) / len(x))
