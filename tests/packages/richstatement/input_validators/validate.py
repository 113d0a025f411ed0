import re
import sys

PATTERN = '[1-9]\\d{0,6} [1-9]\\d{0,6}\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
