import sys

from code_of import code

assert open("note.txt").read() == "for Python\n"
table = {}
for line in open("colours.txt"):
    name, value = line.split()
    table[name] = int(value)
for line in sys.stdin:
    print(code(line.strip(), table))
