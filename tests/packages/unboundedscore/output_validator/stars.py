import sys

k = int(open(sys.argv[1]).read())
text = sys.stdin.read()
stars = text.count("*")
if text.strip("*\n") or stars == 0 or stars > 100 or stars % k:
    sys.exit(43)
with open(sys.argv[3] + "score.txt", "w") as f:
    f.write("%.1f\n" % (stars + text.count("\n") / 2))
sys.exit(42)
