"""Writes the generated inputs into data/secret. Run in the package's folder."""

import math
import random
from pathlib import Path

SECRET = Path("data/secret")


def write(name, posts):
    lines = [str(len(posts))] + [f"{x:.3f} {y:.3f}" for x, y in posts]
    (SECRET / name).write_text("\n".join(lines) + "\n")


def star(rng, count, radius_min, radius_max, centre):
    """A polygon that every ray from its centre leaves once, so it cannot cross itself."""
    posts = []
    for i in range(count):
        angle = 2 * math.pi * i / count
        radius = rng.uniform(radius_min, radius_max)
        posts.append((centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)))
    return posts


rng = random.Random(7)
write("04-circle.in", star(rng, 1000, 9_000, 9_000, (0, 0)))
write("05-spiky.in", star(rng, 1000, 2_000, 9_900, (0, 0)))
write("06-small-and-far.in", star(rng, 12, 1, 2, (9_990, -9_990)))
write("07-clockwise.in", star(rng, 250, 10, 500, (3_000, 3_000))[::-1])
