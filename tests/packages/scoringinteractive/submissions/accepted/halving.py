low, high = 1, int(input())
while True:
    m = (low + high) // 2
    print(m, flush=True)
    a = int(input())
    if a == 0:
        break
    if a < 0:
        high = m - 1
    else:
        low = m + 1
