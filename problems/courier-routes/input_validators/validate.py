import re
import sys

text = sys.stdin.read()
assert re.fullmatch(r"[1-9][0-9]* [1-9][0-9]*\n([1-9][0-9]* [1-9][0-9]* [1-9][0-9]*\n)+", text), "three integers on each line"
towns, count, *roads = map(int, text.split())
assert 2 <= towns <= 10**4 and count <= 3 * 10**4, "out of range"
assert len(roads) == 3 * count, "the number of roads is wrong"
for a, b, minutes in zip(roads[::3], roads[1::3], roads[2::3]):
    assert a <= towns and b <= towns and a != b and minutes <= 10**9, "a road is out of range"
sys.exit(42)
