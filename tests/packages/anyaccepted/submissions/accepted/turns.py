print("heads" if int(input()) % 2 else "tails")
