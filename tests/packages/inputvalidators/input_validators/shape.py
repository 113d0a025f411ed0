# Checks the form of the file; an argument max=N bounds the numbers. Unknown arguments are refused.
import re
import sys

largest = 1000
for argument in sys.argv[1:]:
    match = re.fullmatch(r"max=(\d+)", argument)
    if match is None:
        print("unknown argument", argument, file=sys.stderr)
        sys.exit(1)
    largest = int(match.group(1))
text = sys.stdin.read()
if not re.fullmatch(r"[1-5]\n\d+( \d+)*\n", text):
    print("the form is wrong")
    sys.exit(43)
n, numbers = int(text[0]), list(map(int, text.split("\n")[1].split()))
sys.exit(42 if len(numbers) == n and max(numbers) <= largest else 43)
