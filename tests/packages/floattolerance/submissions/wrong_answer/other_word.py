x = list(map(int, input().split()))
print("average", sum(x) / len(x))
