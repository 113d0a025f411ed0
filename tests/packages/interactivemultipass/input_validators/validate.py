import re
import sys

PATTERN = '1\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
