import re
import sys

PATTERN = '[a-z]{1,50}\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
