h, m = map(int, input().split())
print(100 * h + m)
