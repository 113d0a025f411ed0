import sys

n = int(open(sys.argv[1]).read())
try:
    x = int(sys.stdin.read())
except ValueError:
    sys.exit(43)
sys.exit(42 if x > n else 43)
