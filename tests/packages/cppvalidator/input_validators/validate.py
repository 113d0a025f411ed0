import re
import sys

PATTERN = '([2-9]|[1-4]\\d|50)\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
