"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")
LOCKERS = 10**6


def write(name, ranges):
    (SECRET / name).write_text(f"{len(ranges)}\n" + "".join(f"{l} {r}\n" for l, r in ranges))


rng = random.Random(31)
write("03-short-ranges.in", [(l, l + rng.randint(0, 50)) for l in (rng.randint(1, LOCKERS - 50) for _ in range(500))])
write("04-many-questions.in", [tuple(sorted((rng.randint(1, LOCKERS), rng.randint(1, LOCKERS)))) for _ in range(10**4)])
