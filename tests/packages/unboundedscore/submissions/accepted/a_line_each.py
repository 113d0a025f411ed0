k = int(input())
print("*\n" * (100 // k * k), end="")
