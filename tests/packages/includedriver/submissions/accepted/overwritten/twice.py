def twice(x):
    return x << 1
