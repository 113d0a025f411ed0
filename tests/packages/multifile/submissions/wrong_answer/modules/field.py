def area(length, width):
    return 2 * (length + width)
