import sys

n = int(open(sys.argv[1]).read())
try:
    x = int(sys.stdin.read())
except ValueError:
    sys.exit(43)
even = sys.argv[4:] == ["even"]
sys.exit(42 if 0 <= x <= n and not (even and x % 2) else 43)
