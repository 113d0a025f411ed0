x = list(map(int, input().split()))
print("MEAN %.12e" % (sum(x) / len(x)))
