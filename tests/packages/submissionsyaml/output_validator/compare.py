import sys

answer = int(open(sys.argv[2]).read())
try:
    found = int(sys.stdin.read())
except ValueError:
    found = None
if found == answer:
    sys.exit(42)
with open(sys.argv[3] + "judgemessage.txt", "w") as f:
    f.write("Not a number\n" if found is None else "Expected %d, found %d\n" % (answer, found))
sys.exit(43)
