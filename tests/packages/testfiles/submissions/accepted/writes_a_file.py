import os
import sys

price = {}
for line in open("prices.txt"):
    name, value = line.split()
    price[name] = int(value)
total = sum(price[line.strip()] for line in sys.stdin)
if os.path.exists("extra/rebate.txt"):
    total -= int(open("extra/rebate.txt").read())
with open("total.tmp", "w") as f:
    f.write(str(total))
print(open("total.tmp").read())
