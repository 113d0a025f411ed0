# A zero bit marks where the row of the table increases.
first = input().strip()
second = input().strip()

positions = {}
for index, letter in enumerate(second):
    positions[letter] = positions.get(letter, 0) | 1 << index

everything = (1 << len(second)) - 1
row = everything
for letter in first:
    matches = row & positions.get(letter, 0)
    row = ((row + matches) | (row - matches)) & everything
print(len(second) - bin(row).count("1"))
