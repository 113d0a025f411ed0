print(*"abcdefghi"[:int(input())], "")
