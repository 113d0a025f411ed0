print("root %.1f" % (int(input()) ** 0.5))
