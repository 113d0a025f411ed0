n = int(input())
print("answer", n, flush=True)
