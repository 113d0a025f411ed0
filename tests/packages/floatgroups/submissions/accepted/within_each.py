x = int(input())
r = x ** 0.5
print(r + 0.005 if x < 1000 else r * 1.005)
