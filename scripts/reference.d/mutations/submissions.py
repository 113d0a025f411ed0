"""Changes of submissions in Kattis' formats."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from .edit import BOM, name, pick, prepend_bom, subfolders, text, to_crlf, write

ENDINGS = ('py', 'cpp', 'cc', 'c', 'java')


def source(root: Path, rng: random.Random) -> Path | None:
    return pick(root, rng, *(f'submissions/*/*.{ending}' for ending in ENDINGS))


def move(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    folders = [
        'accepted',
        'wrong_answer',
        'run_time_error',
        'time_limit_exceeded',
        'partially_accepted',
        'rejected',
        'brute_force',
    ]
    folder = rng.choice([other for other in folders if other != one.parent.name])
    (root / 'submissions' / folder).mkdir(exist_ok=True)
    new = root / 'submissions' / folder / f'moved_{one.name}'
    one.rename(new)
    return f'{name(root, one)} -> {folder}/'


def rename_folder(root: Path, rng: random.Random) -> str | None:
    found = subfolders(root, 'submissions/*')
    if not found:
        return None
    one = rng.choice(found)
    new = rng.choice(
        ['acepted', 'runtime_error', 'run_time_error2', 'slow', 'Accepted', 'wrong-answer', 'compile_error']
    )
    one.rename(one.with_name(new))
    return f'{name(root, one)} -> {new}'


def drop_accepted(root: Path, rng: random.Random) -> str | None:
    if not (root / 'submissions/accepted').is_dir():
        return None
    shutil.rmtree(root / 'submissions/accepted')
    return 'submissions/accepted'


def drop_all(root: Path, rng: random.Random) -> str | None:
    if not (root / 'submissions').is_dir():
        return None
    shutil.rmtree(root / 'submissions')
    return 'submissions'


def empty_source(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    write(one, '')
    return name(root, one)


def bom(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None or one.read_bytes().startswith(BOM):
        return None
    prepend_bom(one)
    return name(root, one)


def crlf(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    to_crlf(one)
    return name(root, one)


def latin1(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    mark = b'# ' if one.suffix == '.py' else b'// '
    one.write_bytes(mark + b'caf\xe9\n' + one.read_bytes())
    return name(root, one)


def other_ending(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    endings = {
        '.py': ['.py3', '.py2', '.txt'],
        '.cpp': ['.cc', '.C', '.cxx', '.c++', '.CPP', '.cpp20'],
        '.cc': ['.cpp', '.cxx'],
        '.c': ['.h', '.C'],
        '.java': ['.Java'],
    }
    new = one.with_suffix(rng.choice(endings[one.suffix]))
    one.rename(new)
    return f'{name(root, one)} -> {new.suffix}'


def as_folder(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    folder = one.with_name(f'{one.stem}_folder')
    folder.mkdir()
    one.rename(folder / one.name)
    extra = rng.choice(['README.md', 'helper.py', 'helper.h', '.hidden', 'Makefile', '__pycache__/x.pyc', 'main.py'])
    if not (folder / extra).exists():
        write(folder / extra, '')
    return f'{name(root, folder)}/ with {extra}'


def expected_results(root: Path, rng: random.Random) -> str | None:
    one = source(root, rng)
    if one is None:
        return None
    tag = rng.choice(
        [
            'WRONG-ANSWER',
            'CORRECT',
            'CORRECT, WRONG-ANSWER',
            'TIMELIMIT',
            'wrong_answer',
            'NO-OUTPUT',
            'NONSENSE',
            'RUN-ERROR',
        ]
    )
    mark = '#' if one.suffix == '.py' else '//'
    write(one, f'{text(one).rstrip()}\n{mark} @EXPECTED_RESULTS@: {tag}\n')
    return f'{name(root, one)} @EXPECTED_RESULTS@: {tag}'


def stray_file(root: Path, rng: random.Random) -> str:
    folder = rng.choice(['', 'accepted/', 'wrong_answer/'])
    one = folder + rng.choice(
        [
            'README.md',
            'notes.txt',
            '.gitkeep',
            'a.out',
            '__pycache__/x.cpython-311.pyc',
            'Makefile',
            'slow.pl',
            'sol.sh',
        ]
    )
    write(root / 'submissions' / one, 'x\n')
    return f'submissions/{one}'


def python2(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'submissions/*/*.py')
    if one is None:
        return None
    write(one, rng.choice(['#!/usr/bin/env python2\n', '#!/usr/bin/python3\n', '#!/usr/bin/env pypy\n']) + text(one))
    return f'{name(root, one)} {text(one).splitlines()[0]}'


def crash_or_exit(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'submissions/*/*.py')
    if one is None:
        return None
    end = rng.choice(
        [
            'exit()',
            'quit()',
            'import sys; sys.exit(0)',
            'import sys; sys.exit(1)',
            'import os; os._exit(3)',
            'raise SystemExit',
        ]
    )
    write(one, f'{text(one).rstrip()}\n{end}\n')
    return f'{name(root, one)} + {end}'


MUTATIONS = [
    move,
    rename_folder,
    drop_accepted,
    drop_all,
    empty_source,
    bom,
    crlf,
    latin1,
    other_ending,
    as_folder,
    expected_results,
    stray_file,
    python2,
    crash_or_exit,
]
