k = int(input())
print("*" * (100 // k * k))
