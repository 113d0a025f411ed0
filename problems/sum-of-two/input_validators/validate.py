import re
import sys

text = sys.stdin.read()
match = re.fullmatch(r"(0|-?[1-9][0-9]*) (0|-?[1-9][0-9]*)\n", text)
assert match, "one line with two integers"
assert all(abs(int(number)) <= 10**18 for number in match.groups()), "out of range"
sys.exit(42)
