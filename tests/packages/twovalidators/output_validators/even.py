import sys

try:
    x = int(sys.stdin.read())
except ValueError:
    sys.exit(43)
sys.exit(42 if x % 2 == 0 else 43)
