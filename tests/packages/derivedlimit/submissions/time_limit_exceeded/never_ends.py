n, d = int(input()), 1
while n % d == 0:
    pass
print(d)
