n = int(input().split()[0])
print("{{greeting}}", n * n % ({{modulus}} + 1))
