numbers = open("sum.in").read().split()
with open("sum.out", "w") as f:
    print(sum(map(int, numbers)), file=f)
