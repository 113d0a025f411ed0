print("*" * int(input()))
