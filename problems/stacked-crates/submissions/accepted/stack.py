def main():
    input()
    stack = []
    for position, letter in enumerate(input(), start=1):
        if letter.isupper():
            stack.append(letter.lower())
        elif stack and stack[-1] == letter:
            stack.pop()
        else:
            print("wrong", position)
            return
    print("right", len(stack))


main()
