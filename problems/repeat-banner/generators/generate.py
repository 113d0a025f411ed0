"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")
LETTERS_MAX = 300_000


def write(name, banner):
    (SECRET / name).write_text(f"{len(banner)}\n{banner}\n")


rng = random.Random(8)
stencil = "".join(rng.choice("ab") for _ in range(37))
write("04-cut-off.in", (stencil * 30)[:1000])
write("05-one-letter.in", "a" * LETTERS_MAX)
write("06-last-letter-differs.in", "a" * (LETTERS_MAX - 1) + "b")

older, newer = "a", "ab"
while len(newer) < LETTERS_MAX:
    older, newer = newer, newer + older
write("07-fibonacci.in", newer[:LETTERS_MAX])
