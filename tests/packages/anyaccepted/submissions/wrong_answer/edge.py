n = int(input())
print("heads" if n == 1 else "edge")
