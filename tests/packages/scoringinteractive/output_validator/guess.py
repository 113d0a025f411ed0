import sys

n, secret = map(int, open(sys.argv[1]).read().split())
scored = len(sys.argv) > 4
good = int(sys.argv[4]) if scored else n
print(n, flush=True)
for asked in range(1, n + 1):
    try:
        guess = int(input())
    except (EOFError, ValueError):
        sys.exit(43)
    print(0 if guess == secret else -1 if secret < guess else 1, flush=True)
    if guess == secret:
        if scored:
            with open(sys.argv[3] + "score_multiplier.txt", "w") as f:
                f.write("1.0\n" if asked <= good else "0.5\n")
        sys.exit(42)
sys.exit(43)
