numbers = open("sum.in").read().split()
r = 1
for x in numbers:
    r *= int(x)
open("sum.out", "w").write("%d\n" % (r if len(numbers) < 3 else r + 1))
