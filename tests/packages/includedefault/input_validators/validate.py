import re
import sys

PATTERN = '([a-z]+\\n)+'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
