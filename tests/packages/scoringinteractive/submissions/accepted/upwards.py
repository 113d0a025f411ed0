n = int(input())
for x in range(1, n + 1):
    print(x, flush=True)
    if int(input()) == 0:
        break
