# Takes a crate from an empty stack: IndexError.
input()
stack = []
for position, letter in enumerate(input(), start=1):
    if letter.isupper():
        stack.append(letter.lower())
    elif stack.pop() != letter:
        print("wrong", position)
        break
else:
    print("right", len(stack))
