# Answers 0 when every day was a loss.
import sys

ending = best = 0
for day in sys.stdin.buffer.read().split()[1:]:
    ending = max(0, ending + int(day))
    best = max(best, ending)
print(best)
