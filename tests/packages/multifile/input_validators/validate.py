import re
import sys

PATTERN = '(1000|[1-9]\\d{0,2}) (1000|[1-9]\\d{0,2})\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
