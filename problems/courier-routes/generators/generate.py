"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")
TOWNS_MAX = 10_000
ROADS_MAX = 30_000


def write(name, towns, roads):
    lines = [f"{towns} {len(roads)}"] + [f"{a} {b} {minutes}" for a, b, minutes in roads]
    (SECRET / name).write_text("\n".join(lines) + "\n")


def scattered(rng, towns, count, minutes_max):
    roads = []
    while len(roads) < count:
        a, b = rng.randint(1, towns), rng.randint(1, towns)
        if a != b:
            roads.append((a, b, rng.randint(1, minutes_max)))
    return roads


rng = random.Random(77)
write("05-random.in", 50, scattered(rng, 50, 120, 100))
write("06-long-chain.in", TOWNS_MAX, [(a, a + 1, 10**9 - a % 7) for a in range(1, TOWNS_MAX)])
write("07-large-random.in", TOWNS_MAX, scattered(rng, TOWNS_MAX, ROADS_MAX, 1_000))

# Every second town is reached from the one before by two equal ways: 2^30 shortest paths.
diamonds = []
for i in range(30):
    left, right = 3 * i + 1, 3 * i + 4
    diamonds += [(left, left + 1, 5), (left + 1, right, 5), (left, left + 2, 5), (left + 2, right, 5)]
write("08-diamonds.in", 91, diamonds)
