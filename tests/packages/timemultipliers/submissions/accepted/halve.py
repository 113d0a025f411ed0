n, steps = int(input()), 0
while n:
    n //= 2
    steps += 1
print(steps)
