import re
import sys

match = re.fullmatch(r"([1-9][0-9]*)\n([A-Za-z]+)\n", sys.stdin.read())
assert match, "a length and a line of letters"
length, log = match.groups()
assert int(length) == len(log) <= 10**5, "the length is not that of the log"
sys.exit(42)
