import sys

assert sys.argv[4:] in (["tolerance={{epsilon}}"], []), sys.argv
n = int(open(sys.argv[1]).read().split()[0])
words = sys.stdin.read().split()
try:
    ok = len(words) == 2 and words[0] == "{{greeting}}" and abs(float(words[1]) - n * n % {{modulus}}) <= {{epsilon}}
except ValueError:
    ok = False
sys.exit(42 if ok else 43)
