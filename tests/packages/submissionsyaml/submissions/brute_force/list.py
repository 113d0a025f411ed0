n = int(input())
if n > 1000:
    raise MemoryError
print(sum([x for x in range(n + 1) if x % 2]))
