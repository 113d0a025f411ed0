# The arguments: max=N, then -- , then those of the submission. Without any, the numbers are at most 1000.
import re
import sys

arguments = sys.argv[1:]
largest = 1000
if arguments and arguments[0].startswith("max="):
    largest = int(arguments.pop(0)[len("max="):])
if len(arguments) > 2 or (arguments and not re.fullmatch(r"[0-9.]+", arguments[0])):
    sys.exit(1)
text = sys.stdin.read()
sys.exit(42 if re.fullmatch(r"(0|[1-9]\d*)\n", text) and int(text) <= largest else 43)
