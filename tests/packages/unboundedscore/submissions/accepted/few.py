print("*" * int(input()), end="")
