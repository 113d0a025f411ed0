"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")
DAYS_MAX = 100_000


def write(name, tolerance, steps):
    (SECRET / name).write_text(f"{len(steps)} {tolerance}\n{' '.join(map(str, steps))}\n")


rng = random.Random(61)
write("04-random.in", 30, [rng.randint(0, 100) for _ in range(500)])
write("05-slow-climb.in", 40_000, list(range(DAYS_MAX)))
write("06-waves.in", 900, [1_000 + abs(day % 2_000 - 1_000) for day in range(DAYS_MAX)])
