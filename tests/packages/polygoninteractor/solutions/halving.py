low, high = 1, int(input())
while low < high:
    m = (low + high + 1) // 2
    print("?", m, flush=True)
    a = input()
    if a == "=":
        low = high = m
    elif a == "<":
        high = m - 1
    else:
        low = m + 1
print("!", low, flush=True)
