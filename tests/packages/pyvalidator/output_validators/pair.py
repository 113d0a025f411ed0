import os
import sys

input_file, answer_file, feedback = sys.argv[1:4]
flags = sys.argv[4:]


def wrong(judge, team):
    with open(feedback + "judgemessage.txt", "a") as f:
        f.write(judge + "\n")
    with open(feedback + "teammessage.txt", "a") as f:
        f.write(team + "\n")
    sys.exit(43)


assert feedback.endswith(os.sep)
assert flags == ["positive"]
n = int(open(input_file).read())
words = sys.stdin.read().split()
if len(words) != 2:
    wrong("expected 2 words, got %d" % len(words), "Print exactly two numbers.")
try:
    a, b = map(int, words)
except ValueError:
    wrong("not integers: %r" % words, "Print integers.")
if a < 1 or b < 1:
    wrong("not positive: %d %d" % (a, b), "Both numbers must be positive.")
if a + b != n:
    wrong("%d + %d is not %d" % (a, b, n), "The sum is wrong.")
with open(feedback + "judgemessage.txt", "w") as f:
    f.write("%d = %d + %d\n" % (n, a, b))
sys.exit(42)
