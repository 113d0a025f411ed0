print(sum(c in "aeio" for c in input()))
