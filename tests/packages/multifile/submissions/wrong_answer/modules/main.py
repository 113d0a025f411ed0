from field import area

print(area(*map(int, input().split())))
