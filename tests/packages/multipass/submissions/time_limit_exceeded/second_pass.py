what, text = input(), input()
if what == "encode":
    print(text.replace("e", "1"))
elif what == "decode":
    while True:
        pass
else:
    print(text)
