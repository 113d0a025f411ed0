a, b = map(int, input().split())
print("the", "result", "is", a - b)
