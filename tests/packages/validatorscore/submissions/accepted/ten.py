c = input()
print("".join(x for x in "abcdefghijklm" if x != c)[:10])
