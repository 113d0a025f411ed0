x = int(input())
print(x if x == 10 else x + 5)
