x = list(map(int, input().split()))
print("mean %.2f" % (sum(x) / len(x)))
