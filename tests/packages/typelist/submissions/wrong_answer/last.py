n = int(input())
print("!", n, flush=True)
