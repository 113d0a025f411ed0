"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")


def write(name, total, values):
    (SECRET / name).write_text(f"{len(values)} {total}\n{' '.join(map(str, values))}\n")


rng = random.Random(5)
write("04-random.in", 997, rng.sample(range(1, 200), 12))
write("05-small-coins.in", 100_000, list(range(1, 51)))
write("06-large-coins.in", 100_000, rng.sample(range(1, 100_001), 50))
