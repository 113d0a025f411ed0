# Relaxes distances recursively and exceeds Python's recursion limit on winding maps.
def main():
    rows, columns = map(int, input().split())
    grid = [input() for _ in range(rows)]
    start = next((r, row.index("F")) for r, row in enumerate(grid) if "F" in row)
    harbour = next((r, row.index("H")) for r, row in enumerate(grid) if "H" in row)
    pushes = {}

    def visit(r, c, count):
        if pushes.get((r, c), count + 1) <= count:
            return
        pushes[r, c] = count
        for dr, dc in (1, 0), (-1, 0), (0, 1), (0, -1):
            to_r, to_c = r, c
            while 0 <= to_r + dr < rows and 0 <= to_c + dc < columns and grid[to_r + dr][to_c + dc] != "#":
                to_r += dr
                to_c += dc
            visit(to_r, to_c, count + 1)

    visit(*start, 0)
    print(pushes.get(harbour, "stranded"))


main()
