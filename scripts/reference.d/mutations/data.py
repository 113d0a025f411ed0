"""Changes of test data in Kattis' formats."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from .edit import BOM, files, name, pick, subfolders, to_crlf, write


def drop(ending: str):
    def mutation(root: Path, rng: random.Random) -> str | None:
        one = pick(root, rng, f'data/secret/**/*.{ending}', f'data/sample/**/*.{ending}')
        if one is None:
            return None
        one.unlink()
        return name(root, one)

    mutation.__name__ = f'drop_{ending}'
    return mutation


def drop_samples(root: Path, rng: random.Random) -> str | None:
    if not (root / 'data/sample').is_dir():
        return None
    shutil.rmtree(root / 'data/sample')
    return 'data/sample'


def drop_tests(root: Path, rng: random.Random) -> str | None:
    found = files(root, 'data/secret/**/*.in') + files(root, 'data/secret/**/*.ans')
    for one in found:
        one.unlink()
    return 'all secret tests' if found else None


def empty_file(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/**/*.in', 'data/**/*.ans')
    if one is None:
        return None
    write(one, '')
    return name(root, one)


def crlf(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/**/*.in', 'data/**/*.ans')
    if one is None:
        return None
    to_crlf(one)
    return name(root, one)


def bom(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/**/*.in', 'data/**/*.ans')
    if one is None:
        return None
    one.write_bytes(BOM + one.read_bytes())
    return name(root, one)


def spaces(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.ans')
    if one is None:
        return None
    content = one.read_bytes()
    change = rng.choice(['no last line end', 'blank line after', 'blanks at line ends', 'tab for blank'])
    if change == 'no last line end':
        content = content.rstrip(b'\n')
    elif change == 'blank line after':
        content += b'\n\n'
    elif change == 'blanks at line ends':
        content = content.replace(b'\n', b'  \n')
    else:
        content = content.replace(b' ', b'\t')
    one.write_bytes(content)
    return f'{name(root, one)}: {change}'


def not_utf8(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.ans', 'data/secret/**/*.desc')
    if one is None:
        return None
    one.write_bytes(one.read_bytes() + b'\xff\xfe\n')
    return name(root, one)


def wrong_answer_file(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.ans')
    if one is None:
        return None
    write(one, 'nonsense\n')
    return name(root, one)


def same_input_twice(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None or not one.with_suffix('.ans').is_file():
        return None
    for ending in ('.in', '.ans'):
        shutil.copy(one.with_suffix(ending), one.with_name(f'{one.stem}_again{ending}'))
    return name(root, one)


def rename_test(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None:
        return None
    stem = rng.choice(['two words', 'ä', 'x.y', '0', 'A-b_c', '-1', 'x'])
    for path in sorted(one.parent.glob(f'{one.stem}.*')):
        path.rename(path.with_name(stem + path.name[len(one.stem) :]))
    return f'{name(root, one)} -> {stem}'


def upper_case_ending(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in', 'data/secret/**/*.ans')
    if one is None:
        return None
    one.rename(one.with_suffix(one.suffix.upper()))
    return name(root, one)


def stray_file(root: Path, rng: random.Random) -> str:
    one = rng.choice(
        ['secret/notes.txt', 'secret/1.out', 'secret/generator.py', 'sample/1.png', 'notes.txt', 'secret/1.in.gz']
    )
    write(root / 'data' / one, 'x\n')
    return f'data/{one}'


def test_in_root(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None or not one.with_suffix('.ans').is_file():
        return None
    for ending in ('.in', '.ans'):
        shutil.copy(one.with_suffix(ending), root / 'data' / f'extra{ending}')
    return 'data/extra'


def third_group(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None or not one.with_suffix('.ans').is_file():
        return None
    group = rng.choice(['extra', 'secret2', 'Secret', 'judge'])
    (root / 'data' / group).mkdir()
    for ending in ('.in', '.ans'):
        shutil.copy(one.with_suffix(ending), root / 'data' / group / f'1{ending}')
    return f'data/{group}'


def nested_group(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None or not one.with_suffix('.ans').is_file():
        return None
    group = rng.choice(['deep', 'deep/deeper'])
    (one.parent / group).mkdir(parents=True)
    for ending in ('.in', '.ans'):
        shutil.move(one.with_suffix(ending), one.parent / group / f'1{ending}')
    return f'{name(root, one)} -> {group}/1'


def empty_group(root: Path, rng: random.Random) -> str:
    one = rng.choice(['secret/empty', 'sample/empty', 'secret/99'])
    (root / 'data' / one).mkdir(parents=True)
    return f'data/{one}'


def rename_group(root: Path, rng: random.Random) -> str | None:
    groups = subfolders(root, 'data/secret/*') or subfolders(root, 'data/*')
    if not groups:
        return None
    one = rng.choice(groups)
    new = rng.choice(['zz', '00', 'two words', 'Group10'])
    one.rename(one.with_name(new))
    return f'{name(root, one)} -> {new}'


def linked_test(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None or not one.with_suffix('.ans').is_file():
        return None
    for ending in ('.in', '.ans'):
        one.with_name(f'linked{ending}').symlink_to(one.with_suffix(ending).name)
    return f'linked -> {name(root, one)}'


def data_for_validators(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/secret/**/*.in')
    if one is None or not one.with_suffix('.ans').is_file():
        return None
    folder = rng.choice(['invalid_input', 'invalid_output', 'valid_output', 'invalid_inputs', 'invalid_answer'])
    into = root / 'data' / folder
    write(into / '1.in', 'nonsense\n' if folder.startswith('invalid_input') else one.read_text(errors='replace'))
    if not folder.startswith('invalid_input'):
        shutil.copy(one.with_suffix('.ans'), into / '1.ans')
        write(
            into / '1.out',
            'nonsense\n' if folder != 'valid_output' else one.with_suffix('.ans').read_text(errors='replace'),
        )
    return f'data/{folder}/1'


def interaction(root: Path, rng: random.Random) -> str:
    content = rng.choice(['<1\n>2\n', '1\n2\n', '>1\n---\n<2\n', ''])
    write(root / 'data/sample/talk.interaction', content)
    return f'data/sample/talk.interaction {content!r}'


MUTATIONS = [
    drop('ans'),
    drop('in'),
    drop_samples,
    drop_tests,
    empty_file,
    crlf,
    bom,
    spaces,
    not_utf8,
    wrong_answer_file,
    same_input_twice,
    rename_test,
    upper_case_ending,
    stray_file,
    test_in_root,
    third_group,
    nested_group,
    empty_group,
    rename_group,
    linked_test,
    data_for_validators,
    interaction,
]
