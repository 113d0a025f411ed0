"""Writes the generated inputs into data/secret. Run in the package's folder."""

import random
from pathlib import Path

SECRET = Path("data/secret")
SECTIONS_MAX = 100_000
EVENTS_MAX = 20_000


def write(name, sections, events):
    (SECRET / name).write_text("\n".join([f"{sections} {len(events)}", *events]) + "\n")


def part(rng, sections):
    l, r = sorted((rng.randint(1, sections), rng.randint(1, sections)))
    return f"{l} {r}"


def random_events(rng, sections, count, change_max):
    events = []
    for _ in range(count):
        if rng.random() < 0.5:
            events.append(f"light {part(rng, sections)} {rng.randint(-change_max, change_max)}")
        else:
            events.append(f"ask {part(rng, sections)}")
    return [*events, f"ask 1 {sections}"]


rng = random.Random(404)
write("04-random.in", 40, random_events(rng, 40, 300, 50))
write("05-large-random.in", SECTIONS_MAX, random_events(rng, SECTIONS_MAX, EVENTS_MAX - 1, 10**9))
write("06-ever-brighter.in", SECTIONS_MAX, [
    f"ask {i % 50 + 1} {SECTIONS_MAX}" if i % 2 else f"light 1 {SECTIONS_MAX - i % 50} 1000000000"
    for i in range(EVENTS_MAX)
])
