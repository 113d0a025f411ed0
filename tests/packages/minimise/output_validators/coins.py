import sys

amount = int(open(sys.argv[1]).read())
try:
    coins = list(map(int, sys.stdin.read().split()))
except ValueError:
    sys.exit(43)
if sum(coins) != amount or not set(coins) <= {1, 4, 6}:
    sys.exit(43)
open(sys.argv[3] + "score.txt", "w").write(str(len(coins)))
sys.exit(42)
