print(int(input()) ** 0.5 * 1.009)
