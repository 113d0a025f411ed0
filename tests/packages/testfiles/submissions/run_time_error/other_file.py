print(open("price.txt").read())
