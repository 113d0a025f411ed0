"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")
LETTERS_MAX = 5_000


def word(rng, length, alphabet):
    return "".join(rng.choice(alphabet) for _ in range(length))


def write(name, first, second):
    (SECRET / name).write_text(f"{first}\n{second}\n")


rng = random.Random(99)
write("05-random.in", word(rng, 300, "abcdefgh"), word(rng, 200, "abcdefgh"))
write("06-binary.in", word(rng, LETTERS_MAX, "ab"), word(rng, LETTERS_MAX, "ab"))
write("07-wide.in", word(rng, LETTERS_MAX, "abcdefghijklmnopqrstuvwxyz"), word(rng, LETTERS_MAX, "abcdefghijklmnopqrstuvwxyz"))
poem = word(rng, LETTERS_MAX, "aeiourst")
write("08-same.in", poem, poem)
write("09-reversed.in", poem, poem[::-1])
