low, high = 1, 1000
while True:
    m = (low + high) // 2
    print(m, flush=True)
    a = input()
    if a == "OK":
        break
    if a == "FLOATS":
        high = m - 1
    else:
        low = m + 1
