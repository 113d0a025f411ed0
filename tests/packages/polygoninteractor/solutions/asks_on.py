import os

n = int(input())
for x in range(1, n + 1):
    try:
        print("?", x, flush=True)
        if input() == "=":
            print("!", x, flush=True)
            break
    except (EOFError, OSError):
        os._exit(0)
