input()
print("! 3", flush=True)
