n = int(input())
print("many" if n > 1000 else ((n + 1) // 2) ** 2)
