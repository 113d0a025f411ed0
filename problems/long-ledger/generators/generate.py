"""Writes the generated inputs into data/secret. Run in the package's folder.

The largest input repeats a cycle of a thousand days, so that it compresses well.
"""

import random
from pathlib import Path

SECRET = Path("data/secret")
DAYS_MAX = 500_000
CYCLE_DAYS = 1_000


def write(name, days):
    text = f"{len(days)}\n" + "".join(f"{day}\n" for day in days)
    (SECRET / name).write_text(text)


rng = random.Random(2024)
write("05-random.in", [rng.randint(-100, 100) for _ in range(1_000)])
write("06-all-losses.in", [-rng.randint(1, 10**9) for _ in range(2_000)])
write("07-wide.in", [rng.randint(-(10**9), 10**9) for _ in range(2_000)])

# Gains outweigh losses, so the best period is nearly the whole ledger.
cycle = [
    -rng.randint(10**8, 5 * 10**8) if rng.random() < 0.55 else rng.randint(10**8, 10**9)
    for _ in range(CYCLE_DAYS)
]
write("08-five-megabytes.in", cycle * (DAYS_MAX // CYCLE_DAYS))
