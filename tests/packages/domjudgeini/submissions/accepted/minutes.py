h, m = map(int, input().split())
print(60 * h + m)
