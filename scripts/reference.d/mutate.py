"""Small changes of a package, such as a setter or an editor might make. They are determined by a seed.

A mutation gets the root of a copy and a random generator; it changes the copy and returns a description, or None if
the package has nothing that it could change.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from mutations import data, dmoj, kattis, names, submissions

KATTIS = {'legacy', 'legacy-icpc', '2023-07-draft', '2025-09'}

Mutation = Callable[[Path, random.Random], str | None]


def mutations_of(package_format: str) -> list[Mutation]:
    if package_format in KATTIS:
        own = kattis.MUTATIONS + data.MUTATIONS + submissions.MUTATIONS
        own += kattis.OF_2025_09 if package_format == '2025-09' else kattis.OF_LEGACY
    else:
        own = dmoj.MUTATIONS
    return own + names.MUTATIONS


def make(seed: int, number: int, formats: dict[str, str], into: Path) -> tuple[str, Path, str] | None:
    """Makes the mutation with this number; returns the package, the changed copy and a description.

    Consecutive numbers cycle through the mutations of all formats, so a few hundred numbers cover all of them.
    """
    pairs = sorted(
        {(one.__module__, one.__name__, kind): one for kind in formats.values() for one in mutations_of(kind)}.items(),
        key=lambda pair: pair[0],
    )
    if not pairs:
        return None
    random.Random(seed).shuffle(pairs)
    rng = random.Random(f'{seed} {number}')
    for offset in range(len(pairs)):
        # If this mutation cannot change any package, try the next one.
        (_, name, kind), mutation = pairs[(number + offset) % len(pairs)]
        packages = sorted(package for package, of in formats.items() if of == kind)
        rng.shuffle(packages)
        for package in packages:
            copy = into / Path(package).resolve().name
            shutil.copytree(package, copy, symlinks=True)
            said = mutation(copy, rng)
            if said is not None:
                return package, copy, f'{name}: {said}'
            shutil.rmtree(into)
    return None
