input()
print("**", end="")
