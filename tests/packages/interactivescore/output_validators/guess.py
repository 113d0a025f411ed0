import sys

secret = int(open(sys.argv[1]).read())
for asked in range(1, 16):
    try:
        guess = int(input())
    except (EOFError, ValueError):
        sys.exit(43)
    if guess == secret:
        print(0, flush=True)
        with open(sys.argv[3] + "score.txt", "w") as f:
            f.write("10\n" if asked <= 4 else "4\n")
        sys.exit(42)
    print(-1 if secret < guess else 1, flush=True)
sys.exit(43)
