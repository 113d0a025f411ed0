import re
import sys

PATTERN = '(-?\\d{1,4}\\n)+'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
