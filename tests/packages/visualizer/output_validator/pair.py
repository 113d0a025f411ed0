import sys

points = list(map(int, open(sys.argv[1]).read().split()))
try:
    pair = sorted(map(int, sys.stdin.read().split()))
except ValueError:
    pair = []
ok = pair == [min(points), max(points)]
with open(sys.argv[3] + "pair.txt", "w") as f:
    print(*pair, file=f)
with open(sys.argv[3] + "teamimage.svg", "w") as f:
    f.write('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10" fill="%s"/></svg>\n' % ("green" if ok else "red"))
sys.exit(42 if ok else 43)
