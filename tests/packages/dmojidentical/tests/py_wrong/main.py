print(*"bcdefghij"[:int(input())])
