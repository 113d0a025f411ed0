n, i = int(input()), 1
while i <= n:
    pass
