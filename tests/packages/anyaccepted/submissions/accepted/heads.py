input()
print("heads")
