import sys

x = int(input())
print(*map(str.lower, sys.argv[2:]), "%g" % (x * float(sys.argv[1])))
