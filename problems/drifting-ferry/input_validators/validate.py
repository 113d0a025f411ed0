import re
import sys

lines = sys.stdin.read().split("\n")
assert lines.pop() == "", "the last line must end"
assert re.fullmatch(r"[1-9][0-9]* [1-9][0-9]*", lines[0]), "the size of the map"
rows, columns = map(int, lines[0].split())
assert rows <= 300 and columns <= 300, "out of range"
assert len(lines) == rows + 1, "the number of rows is wrong"
assert all(re.fullmatch(r"[.#FH]+", line) and len(line) == columns for line in lines[1:]), "a row"
grid = "".join(lines[1:])
assert grid.count("F") == grid.count("H") == 1, "one ferry and one harbour"
sys.exit(42)
