import re
import sys

PATTERN = '[1-8]\\n[1-9]( [1-9])*\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
