"""Changes of init.yml, of test data and of test.yml in packages of DMOJ."""

from __future__ import annotations

import random
import re
from pathlib import Path

from .edit import append, drop_key, name, pick, prepend_bom, repeat_key, set_key, text, to_crlf, write


def init(key: str, values: list[str]):
    def mutation(root: Path, rng: random.Random) -> str:
        return set_key(root / 'init.yml', key, rng.choice(values))

    mutation.__name__ = f'init_{key}'
    return mutation


def replace(of: str, pattern: str, values: list[str], path: str = 'init.yml'):
    """A mutation that replaces one match of a pattern."""

    def mutation(root: Path, rng: random.Random) -> str | None:
        file = pick(root, rng, path)
        if file is None:
            return None
        content = text(file)
        found = list(re.finditer(pattern, content))
        if not found:
            return None
        one, value = rng.choice(found), rng.choice(values)
        new = one.expand(value)
        write(file, content[: one.start()] + new + content[one.end() :])
        return f'{name(root, file)} {one.group()!r} -> {new!r}'

    mutation.__name__ = of
    return mutation


def init_unknown_key(root: Path, rng: random.Random) -> str:
    return append(root / 'init.yml', rng.choice(['colour: red\n', 'time: 3\n', 'Checker: sorted\n', 'x: {y: 1}\n']))


def init_drop_key(root: Path, rng: random.Random) -> str | None:
    return drop_key(root / 'init.yml', rng)


def init_repeat_key(root: Path, rng: random.Random) -> str | None:
    return repeat_key(root / 'init.yml', rng)


def init_bom(root: Path, rng: random.Random) -> str:
    prepend_bom(root / 'init.yml')
    return 'init.yml'


def init_crlf(root: Path, rng: random.Random) -> str:
    to_crlf(root / 'init.yml')
    return 'init.yml'


def init_empty(root: Path, rng: random.Random) -> str:
    content = rng.choice(['', '# nothing\n', '{}\n', '[]\n', 'a: [\n'])
    write(root / 'init.yml', content)
    return repr(content)


def drop_data(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, '*.in', '*.out', '*.zip')
    if one is None:
        return None
    one.unlink()
    return name(root, one)


def change_data(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, '*.in', '*.out')
    if one is None:
        return None
    change = rng.choice(['CRLF', 'CR', 'no last line end', 'empty', 'BOM', 'blank lines after', 'blanks at line ends'])
    content = one.read_bytes()
    if change == 'CRLF':
        content = content.replace(b'\n', b'\r\n')
    elif change == 'CR':
        content = content.replace(b'\n', b'\r')
    elif change == 'no last line end':
        content = content.rstrip(b'\n')
    elif change == 'empty':
        content = b''
    elif change == 'BOM':
        content = b'\xef\xbb\xbf' + content
    elif change == 'blank lines after':
        content += b'\n\n'
    else:
        content = content.replace(b'\n', b'  \n')
    one.write_bytes(content)
    return f'{name(root, one)}: {change}'


def test_drop_key(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'tests/*/test.yml')
    return one and drop_key(one, rng)


def test_key(key: str, values: list[str]):
    def mutation(root: Path, rng: random.Random) -> str | None:
        one = pick(root, rng, 'tests/*/test.yml')
        return one and f'{one.parent.name}/{set_key(one, key, rng.choice(values))}'

    mutation.__name__ = f'test_{key}'
    return mutation


def source_bytes(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'tests/*/*.py', 'tests/*/*.cpp', 'tests/*/*.c')
    if one is None:
        return None
    change = rng.choice(['BOM', 'CRLF', 'empty', 'exit()', 'prints blanks', 'no last line end'])
    if change == 'BOM':
        prepend_bom(one)
    elif change == 'CRLF':
        to_crlf(one)
    elif change == 'empty':
        write(one, '')
    elif one.suffix != '.py':
        return None
    elif change == 'exit()':
        write(one, text(one).rstrip() + '\nexit()\n')
    elif change == 'prints blanks':
        write(one, text(one).rstrip() + '\nprint("  ")\nprint()\n')
    else:
        write(one, 'import sys\n_p = print\n' + text(one))
    return f'{name(root, one)}: {change}'


def unused_test_folder(root: Path, rng: random.Random) -> str:
    one = rng.choice(['tests/empty/notes.txt', 'tests/notes.txt', 'tests/two words/test.yml'])
    write(root / one, '' if one.endswith('.yml') else 'x\n')
    return one


CHECKERS = [
    'standard',
    'identical',
    'easy',
    'sorted',
    'unordered',
    'rstripped',
    'linecount',
    'linematches',
    'floats',
    'floatsabs',
    'floatsrel',
    'nonsense',
    'null',
    '""',
    'missing.py',
    '{name: floats, args: {precision: 3}}',
    '{name: floats, args: {precision: 3, error_mode: relative}}',
    '{name: floats, args: {precision: -1}}',
    '{name: floats, args: {colour: red}}',
    '{name: floats}',
    '{name: identical, args: {pe_allowed: false}}',
    '{name: standard, args: {x: 1}}',
    '{args: {}}',
    '{name: linecount, args: {feedback: false}}',
    '{name: sorted, args: {split_on: whitespace}}',
    '{name: unordered, args: {split_on: lines}}',
    '{name: floats, args: {precision: "3"}}',
]

MUTATIONS = [
    init('checker', CHECKERS),
    init('points', ['5', '0', '-1', 'null', '"3"', '2.5']),
    init('output_limit_length', ['10', '0', '-1', '"100"', '1000000', 'null']),
    init('output_prefix_length', ['0', '10', 'null']),
    init('binary_data', ['true', 'false', 'null']),
    init('short_circuit', ['true', 'false']),
    init('wall_time_factor', ['1', '3', '0', '"2"']),
    init('hints', ['[unicode]', '[]', '[nonsense]', 'unicode']),
    init('symlinks', ['{a: b}', '{}']),
    init('file_io', ['{input: a.in, output: a.out}', 'null', '{}']),
    init('generator', ['gen.cpp', 'null', '{source: gen.py}']),
    init('custom_judge', ['judge.py', 'null']),
    init('pretest_test_cases', ['[]', 'null']),
    init('test_cases', ['[]', 'null', '{}', '{input_format: "^in(?P<case>\\\\d+)$"}', 'x']),
    init('archive', ['missing.zip', 'null', '""', 'init.yml', '../x.zip']),
    replace(
        'case_points',
        r'points: *\d+',
        ['points: 0', 'points: -5', 'points: 2.5', 'points: "7"', 'points: null', 'pts: 5'],
    ),
    replace('case_without_output', r', *out: *[^,}\s]+', ['', ', out: missing.out', ', out: null', ', output: x']),
    replace('case_without_input', r'\bin: *[^,}\s]+,? *', ['', 'in: missing.in, ', 'in: null, ', 'input: x, ']),
    replace(
        'case_key',
        r'\{in:',
        [
            '{colour: red, in:',
            '{checker: sorted, in:',
            '{output_limit_length: 5, in:',
            '{binary_data: true, in:',
            '{batched: [], in:',
        ],
    ),
    replace(
        'dependencies',
        r'dependencies: *\[[^\]]*\]',
        [
            'dependencies: [9]',
            'dependencies: [0]',
            'dependencies: []',
            'dependencies: [1]',
            'dependencies: 1',
            'dependencies: ["1"]',
            'depends: [1]',
        ],
    ),
    replace(
        'batch',
        r'- *points: *(\d+)\n( +)batched:',
        [
            r'- points: \1\n\2dependencies: [1]\n\2batched:',
            r'- batched:',
            r'- points: \1\n\2short_circuit: false\n\2batched:',
        ],
    ),
    init_unknown_key,
    init_drop_key,
    init_repeat_key,
    init_bom,
    init_crlf,
    init_empty,
    drop_data,
    change_data,
    test_drop_key,
    test_key('expect', ['AC', 'WA', '[AC, WA]', '"*"', 'XX', 'IR', 'RTE', 'TLE', 'null', '[]']),
    test_key('language', ['PY3', 'PY2', 'CPP17', 'CPP20', 'BF', 'python3', 'C', 'TEXT', 'null']),
    test_key('time', ['1', '0.5', '"2"', '0', '-1', 'null', '100']),
    test_key('memory', ['65536', '1024', '0', '"65536"', '65536.0', 'null', '4194304']),
    test_key('score', ['100', '0', '[0, 100]', '"*"', '"50"', '33.3']),
    test_key('cases', ['[AC]', '{1: AC}', '{99: WA}', '{1: [AC, WA]}', '[]', 'null']),
    test_key('source', ['missing.py', '[missing.py]', '../x.py']),
    test_key('skip', ['true', 'false', '[posix]']),
    test_key('feedback', ['"*"', 'Presentation Error', 'null', '[a, b]']),
    source_bytes,
    unused_test_folder,
]
