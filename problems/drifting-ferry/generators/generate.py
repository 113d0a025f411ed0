"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")


def write(name, grid):
    lines = [f"{len(grid)} {len(grid[0])}"] + ["".join(row) for row in grid]
    (SECRET / name).write_text("\n".join(lines) + "\n")


def scattered(rng, rows, columns, rock_share):
    return [["#" if rng.random() < rock_share else "." for _ in range(columns)] for _ in range(rows)]


def staircase(size):
    """Rocks along a diagonal make the ferry zigzag to the far corner."""
    grid = [["."] * size for _ in range(size)]
    for i in range(size - 2):
        grid[i][i + 2] = "#"
    for i in range(size - 2):
        grid[i + 2][i] = "#"
    grid[0][0] = "F"
    grid[size - 1][size - 1] = "H"
    return grid


def place(grid, ferry, harbour):
    grid[ferry[0]][ferry[1]] = "F"
    grid[harbour[0]][harbour[1]] = "H"
    return grid


rng = random.Random(12)
write("05-random.in", place(scattered(rng, 20, 30, 0.2), (0, 0), (19, 29)))
write("06-large-random.in", place(scattered(rng, 300, 300, 0.15), (0, 0), (299, 299)))
write("07-staircase.in", staircase(300))
write("08-open-water.in", place(scattered(rng, 300, 300, 0.0), (150, 150), (150, 151)))
