input()
print("tails")
