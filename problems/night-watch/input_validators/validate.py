import re
import sys

INTEGER = r"(0|-?[1-9][0-9]*)"

lines = sys.stdin.read().split("\n")
assert lines.pop() == "", "the last line must end"
assert re.fullmatch(r"[1-9][0-9]* [1-9][0-9]*", lines[0]), "the number of sections and events"
sections, events = map(int, lines[0].split())
assert sections <= 10**5 and events <= 2 * 10**4, "out of range"
assert events == len(lines) - 1, "the number of events is wrong"
questions = 0
for line in lines[1:]:
    assert re.fullmatch(f"light {INTEGER} {INTEGER} {INTEGER}|ask {INTEGER} {INTEGER}", line), f"an event: {line!r}"
    kind, l, r, *change = line.split()
    assert 1 <= int(l) <= int(r) <= sections, "a part of the wall"
    assert all(abs(int(x)) <= 10**9 for x in change), "out of range"
    questions += kind == "ask"
assert questions > 0, "at least one question"
sys.exit(42)
