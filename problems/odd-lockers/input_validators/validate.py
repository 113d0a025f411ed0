import re
import sys

text = sys.stdin.read()
assert re.fullmatch(r"[1-9][0-9]*\n([1-9][0-9]* [1-9][0-9]*\n)+", text), "two integers on each line"
count, *bounds = map(int, text.split())
assert 2 * count == len(bounds) and count <= 10**4, "the number of questions is wrong"
assert all(l <= r <= 10**6 for l, r in zip(bounds[::2], bounds[1::2])), "out of range"
sys.exit(42)
