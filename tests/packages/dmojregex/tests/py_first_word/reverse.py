print(input().split()[0][::-1])
