import sys

secret = int(sys.argv[1])
while True:
    guess = int(input())
    print("correct" if guess == secret else "lower" if secret < guess else "higher", flush=True)
    if guess == secret:
        break
