input()
print("abcdefg")
