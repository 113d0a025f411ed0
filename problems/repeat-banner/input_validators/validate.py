import re
import sys

match = re.fullmatch(r"([1-9][0-9]*)\n([a-z]+)\n", sys.stdin.read())
assert match, "a length and a line of letters"
length, banner = match.groups()
assert int(length) == len(banner) <= 3 * 10**5, "the length is not that of the banner"
sys.exit(42)
