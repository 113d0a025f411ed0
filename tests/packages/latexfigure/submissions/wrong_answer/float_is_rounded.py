n = int(input())
print("%g" % (n * (n + 1) / 2))
