import sys

forbidden = open(sys.argv[1]).read().strip()
feedback = sys.argv[3]
words = sys.stdin.read().split()
if len(words) != 1:
    sys.exit(43)
word = words[0]
if not word.isascii() or not word.isalpha() or not word.islower() or len(word) > 10 or len(set(word)) < len(word) or forbidden in word:
    sys.exit(43)
with open(feedback + "score.txt", "w") as f:
    f.write("%d\n" % len(word))
sys.exit(42)
