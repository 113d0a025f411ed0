print("\n\t odd \n" if int(input()) % 2 else "\n\t eVEN \n")
