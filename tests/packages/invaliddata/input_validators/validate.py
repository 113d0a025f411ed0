import re
import sys

PATTERN = '([2-9]|[1-9]\\d{1,2}|1000)\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
