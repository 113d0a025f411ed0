width, height = map(int, input().split())
full = "*" * width
hollow = full if width == 1 else "*" + " " * (width - 2) + "*"
for row in range(height):
    print(full if row in (0, height - 1) else hollow)
