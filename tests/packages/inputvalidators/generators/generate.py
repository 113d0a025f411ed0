import random

random.seed(7)
print(5)
print(*(random.randint(0, 1000) for _ in range(5)))
