import re
import sys

PATTERN = '-?(0|[1-9]\\d*) -?(0|[1-9]\\d*)\\n'
sys.exit(42 if re.fullmatch(PATTERN, sys.stdin.read()) else 43)
