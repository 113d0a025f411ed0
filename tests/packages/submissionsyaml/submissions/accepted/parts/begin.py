from formula import odd_sum

print(odd_sum(int(input())))
