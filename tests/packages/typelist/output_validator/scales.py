import sys


def wrong(text):
    with open(sys.argv[3] + "judgemessage.txt", "w") as f:
        f.write(text + "\n")
    sys.exit(43)


weights = list(map(int, open(sys.argv[1]).read().split()))[1:]
n = len(weights)
print(n, flush=True)
asked = 0
while True:
    words = sys.stdin.readline().split()
    if not words:
        wrong("the submission ended")
    try:
        stones = [int(w) for w in words[1:]]
    except ValueError:
        wrong("not a number")
    if not all(1 <= s <= n for s in stones):
        wrong("no such stone")
    if words[0] == "?" and len(stones) == 2:
        asked += 1
        if asked > n - 1:
            wrong("too many questions")
        print(max(stones, key=lambda s: weights[s - 1]), flush=True)
    elif words[0] == "!" and len(stones) == 1:
        if weights[stones[0] - 1] != max(weights):
            wrong("not the heaviest")
        if sys.stdin.read().split():
            wrong("more after the answer")
        sys.exit(42)
    else:
        wrong("unknown request")
