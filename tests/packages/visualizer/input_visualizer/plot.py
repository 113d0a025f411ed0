import sys

points = list(map(int, open(sys.argv[1]).read().split()))
print("".join("*" if x in points else "." for x in range(min(points), max(points) + 1)))
