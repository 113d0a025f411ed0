"""Files and folders that no format defines, and unusual names; in packages of every format."""

from __future__ import annotations

import random
from pathlib import Path

from .edit import write


def dot_file(root: Path, rng: random.Random) -> str:
    one = rng.choice(['.DS_Store', '.gitignore', '.gitkeep', '.editorconfig', '.~lock.problem.odt#'])
    folder = rng.choice(['', *(str(path.relative_to(root)) for path in sorted(root.iterdir()) if path.is_dir())])
    write(root / folder / one, 'x\n')
    return f'{folder}/{one}'


def git_folder(root: Path, rng: random.Random) -> str:
    write(root / '.git/objects/ab/cdef', 'x')
    write(root / '.git/config', '[core]\n')
    return '.git/'


def macos_folder(root: Path, rng: random.Random) -> str:
    write(root / '__MACOSX/._problem.yaml', 'x')
    return '__MACOSX/'


def editor_backup(root: Path, rng: random.Random) -> str:
    files = sorted(
        one for one in root.rglob('*') if one.is_file() and one.suffix in {'.yaml', '.yml', '.in', '.py', '.md'}
    )
    one = rng.choice(files)
    copy = one.with_name(rng.choice([f'{one.name}~', f'{one.name}.bak', f'#{one.name}#', f'{one.name}.orig']))
    copy.write_bytes(one.read_bytes())
    return str(copy.relative_to(root))


def odd_name(root: Path, rng: random.Random) -> str:
    one = rng.choice(['two words.txt', 'ünï.txt', 'x (1).txt', '-dash.txt', 'a+b.txt', "quote's.txt", 'Задача.txt'])
    write(root / one, 'x\n')
    return one


def unknown_folder(root: Path, rng: random.Random) -> str:
    one = rng.choice(['notes', 'scripts', 'checker', 'Generators', 'problem statement', 'submision', 'tests2'])
    write(root / one / 'read.txt', 'x\n')
    return f'{one}/'


def link_within(root: Path, rng: random.Random) -> str:
    target = rng.choice(sorted(one for one in root.iterdir() if one.is_file()))
    (root / 'linked.txt').symlink_to(target.name)
    return f'linked.txt -> {target.name}'


def link_beyond(root: Path, rng: random.Random) -> str:
    target = rng.choice(['../../outside.txt', '/etc/hostname', 'nowhere.txt', '.'])
    (root / 'linked').symlink_to(target)
    return f'linked -> {target}'


def empty_folder(root: Path, rng: random.Random) -> str:
    one = rng.choice(['attachments', 'solution', 'extra', 'input_visualizer'])
    if (root / one).exists():
        one = 'extra2'
    (root / one).mkdir()
    return f'{one}/ (empty)'


def root_name(root: Path, rng: random.Random) -> str:
    # The folder is named after the problem; a file that repeats the name changes nothing.
    one = rng.choice(['README.md', 'README', 'LICENSE', 'Makefile', 'problem.pdf', 'problem.txt'])
    if (root / one).exists():
        return f'{one} (was there)'
    write(root / one, '# A text\n')
    return one


MUTATIONS = [
    dot_file,
    git_folder,
    macos_folder,
    editor_backup,
    odd_name,
    unknown_folder,
    link_within,
    link_beyond,
    empty_folder,
    root_name,
]
