import sys

from rating import rating

x = int(open(sys.argv[1]).read())
try:
    error = abs(float(sys.stdin.read()) - x ** 0.5)
except ValueError:
    sys.exit(43)
if not error <= 5:
    sys.exit(43)
with open(sys.argv[3] + "score_multiplier.txt", "w") as f:
    f.write("%s\n" % rating(error))
sys.exit(42)
