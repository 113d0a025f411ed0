what, text = input(), input()
if what == "encode":
    print(text.replace("e", "1"))
elif what == "decode":
    print(text.replace("1", "e"))
else:
    raise SystemExit(1)
