n = int(input())
print(int(str(n)[::-1]) if 1 // n >= 0 else 0)
