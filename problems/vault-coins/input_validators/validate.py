import re
import sys

text = sys.stdin.read()
assert re.fullmatch(r"[1-9][0-9]* [1-9][0-9]*\n[1-9][0-9]*( [1-9][0-9]*)*\n", text), "two lines of integers"
kinds, total, *values = map(int, text.split())
assert kinds == len(values) == len(set(values)) <= 50, "the number of kinds is wrong"
assert total <= 10**5 and max(values) <= 10**5, "out of range"
sys.exit(42)
