n = int(input())
for x in (2, n, 1):
    print(x, flush=True)
    if int(input()) == 0:
        break
