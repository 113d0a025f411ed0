c = input()
print("b" if c == "a" else "a")
