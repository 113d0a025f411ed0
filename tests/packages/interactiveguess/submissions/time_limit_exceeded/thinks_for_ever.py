print(50, flush=True)
input()
while True:
    pass
