# Factors every locker of every question anew.
def is_open(number):
    is_odd = False
    p = 2
    while p * p <= number:
        if number % p == 0:
            is_odd = not is_odd
            while number % p == 0:
                number //= p
        p += 1
    return is_odd != (number > 1)


for _ in range(int(input())):
    l, r = map(int, input().split())
    print(sum(is_open(k) for k in range(l, r + 1)))
