what, text = input(), input()
if what == "encode":
    print("".join(chr(ord(c) - 32) for c in text))
elif what == "decode":
    print(text.lower())
else:
    print(text)
