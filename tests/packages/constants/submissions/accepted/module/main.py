from limits import MODULUS

n = int(input().split()[0])
print("remainder", n * n % MODULUS + {{epsilon}} / 2)
