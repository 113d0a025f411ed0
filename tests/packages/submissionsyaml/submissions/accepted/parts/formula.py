def odd_sum(n):
    return ((n + 1) // 2) ** 2
