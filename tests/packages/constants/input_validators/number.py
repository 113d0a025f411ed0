import re
import sys

m = re.fullmatch(r"([1-9]\d*) \{" + r"\{modulus\}\}\n", sys.stdin.read())
sys.exit(42 if m and int(m.group(1)) <= {{max_n}} else 43)
