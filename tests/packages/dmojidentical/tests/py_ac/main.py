print(*"abcdefghi"[:int(input())])
