input()
print("one two")
