import re
import sys

PATTERN = '\\d+( \\d+)*\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
