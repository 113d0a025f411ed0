import sys

from twice import twice

for line in sys.stdin:
    print(twice(int(line)))
