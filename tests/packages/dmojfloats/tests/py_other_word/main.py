print("Root", int(input()) ** 0.5)
