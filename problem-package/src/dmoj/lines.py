"""Judges outputs line by line. Empty lines do not count.

Arguments: input, output, answer, points of the test, and how lines are judged.
`count`: points for each right line. `match`: the same, with two more arguments: the points of each
line, separated by commas, and `all` if the output must have the same number of lines as the answer.
`strip`: all lines must be right, ignoring spaces at their ends.
"""

import re
import sys


def lines(path):
    with open(path, "rb") as file:
        return [line for line in re.split(rb"[\r\n]", file.read()) if line]


def end(share, points):
    if share >= 1:
        sys.exit(0)
    # A test worth nothing has no partial points.
    if share <= 0 or points <= 0:
        sys.exit(1)
    print(f"points {points * share:.9g}", file=sys.stderr)
    sys.exit(7)


output, answer = lines(sys.argv[2]), lines(sys.argv[3])
points = float(sys.argv[4])
if sys.argv[5] == "count":
    if len(output) > len(answer):
        sys.exit(1)
    right = sum(ours.strip() == theirs.strip() for ours, theirs in zip(output, answer))
    end(right / len(answer) if answer else 1, points)
elif sys.argv[5] == "strip":
    end([line.rstrip() for line in output] == [line.rstrip() for line in answer], points)
else:
    worth = [float(number) for number in sys.argv[6].split(",")]
    if len(worth) != len(answer) or sum(worth) <= 0:
        print(f"the answer has {len(answer)} lines, but {len(worth)} have points", file=sys.stderr)
        sys.exit(3)
    if sys.argv[7] == "all" and len(output) != len(answer):
        sys.exit(1)
    found = sum(number for ours, theirs, number in zip(output, answer, worth) if ours == theirs)
    end(found / sum(worth), points)
