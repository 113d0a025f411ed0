# Takes for every letter the first match that is left, even if it skips too much.
first = input().strip()
second = input().strip()
taken = position = 0
for letter in first:
    found = second.find(letter, position)
    if found >= 0:
        taken += 1
        position = found + 1
print(taken)
