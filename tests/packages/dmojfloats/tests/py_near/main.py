print("root %.4f" % (int(input()) ** 0.5 * 1.0005))
