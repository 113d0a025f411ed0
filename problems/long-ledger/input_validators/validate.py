import re
import sys

text = sys.stdin.read()
assert re.fullmatch(r"[1-9][0-9]*\n((0|-?[1-9][0-9]*)\n)+", text), "one integer on each line"
count, *days = map(int, text.split())
assert count == len(days) <= 5 * 10**5, "the number of days is wrong"
assert all(abs(day) <= 10**9 for day in days), "out of range"
sys.exit(42)
