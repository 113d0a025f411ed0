import sys

points = list(map(int, open(sys.argv[1]).read().split()))
pair = open(sys.argv[3] + "pair.txt").read().split()
radius = sys.argv[4] if len(sys.argv) > 4 else "3"
with open(sys.argv[3] + "judgeimage.svg", "w") as f:
    f.write('<svg xmlns="http://www.w3.org/2000/svg" width="220" height="20">')
    for x in points:
        f.write('<circle cx="%d" cy="10" r="%s" fill="%s"/>' % (110 + x, radius, "red" if str(x) in pair else "black"))
    f.write("</svg>\n")
