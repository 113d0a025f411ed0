import re
import sys

INTEGER = r"(0|[1-9][0-9]*)"

text = sys.stdin.read()
assert re.fullmatch(f"{INTEGER} {INTEGER}\n{INTEGER}( {INTEGER})*\n", text), "two lines of integers"
days, tolerance, *steps = map(int, text.split())
assert days == len(steps) <= 10**5, "the number of days is wrong"
assert tolerance <= 10**9 and max(steps) <= 10**9, "out of range"
sys.exit(42)
