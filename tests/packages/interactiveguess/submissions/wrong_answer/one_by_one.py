import os

for guess in range(1, 101):
    try:
        print(guess, flush=True)
        if input() == "correct":
            break
    except (EOFError, OSError):
        os._exit(0)
