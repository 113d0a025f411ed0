# Performs the steps in its arguments after `--`, one after the other.
import os
import sys

for word in sys.argv[sys.argv.index("--") + 1 :]:
    name, _, number = word.partition(":")
    if name == "say":
        print("x" * (int(number) - 1), flush=True)
    elif name == "hear":
        input()
    elif name == "hear-all":
        sys.stdin.read()
    elif name == "shut-output":
        os.close(1)
    elif name == "exit":
        sys.exit(int(number))
