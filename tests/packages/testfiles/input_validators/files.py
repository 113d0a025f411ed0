import re
import sys

names = [line.split()[0] for line in open("prices.txt")]
text = sys.stdin.read()
ok = re.fullmatch(r"([a-z]+\n)*", text) and set(text.split()) <= set(names)
sys.exit(42 if ok else 43)
