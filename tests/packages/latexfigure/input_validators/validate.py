import re
import sys

PATTERN = '(1000000|[1-9]\\d{0,5})\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
