print("Odd" if int(input()) % 2 else "Even")
