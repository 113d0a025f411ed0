import re
import sys

PATTERN = 'encode\\n[a-z]{1,20}\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
