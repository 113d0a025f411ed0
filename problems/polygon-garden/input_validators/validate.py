import re
import sys

NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]{1,3})?"

lines = sys.stdin.read().split("\n")
assert lines.pop() == "", "the last line must end"
assert re.fullmatch(r"[1-9][0-9]*", lines[0]), "the number of posts"
assert 3 <= int(lines[0]) == len(lines) - 1 <= 1000, "the number of posts is wrong"
for line in lines[1:]:
    assert re.fullmatch(f"{NUMBER} {NUMBER}", line), f"two coordinates: {line!r}"
    assert all(abs(float(number)) <= 10**4 for number in line.split()), "out of range"
sys.exit(42)
