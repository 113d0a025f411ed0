import sys

x = int(input())
print(*sys.argv[2:], "%g" % (x * float(sys.argv[1])))
