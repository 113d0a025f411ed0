"""Changes of problem.yaml, of the settings of groups, of statements and validators, in Kattis' formats."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from .edit import (
    append,
    drop_key,
    files,
    name,
    pick,
    prepend_bom,
    repeat_key,
    set_key,
    subfolders,
    text,
    to_crlf,
    write,
)

VALIDATORS = ('input_validators', 'input_format_validators', 'output_validators', 'output_validator')
STATEMENTS = ('problem_statement', 'statement')


def choose(file: str, key: str, values: list[str]):
    """A mutation that sets a key of a file to one of the values."""

    def mutation(root: Path, rng: random.Random) -> str:
        return set_key(root / file, key, rng.choice(values))

    mutation.__name__ = f'{Path(file).stem}_{key}'
    return mutation


def yaml_unknown_key(root: Path, rng: random.Random) -> str:
    return append(
        root / 'problem.yaml', rng.choice(['colour: red\n', 'Name: X\n', 'x-note: [1, 2]\n', 'timelimit: 3\n'])
    )


def yaml_drop_key(root: Path, rng: random.Random) -> str | None:
    return drop_key(root / 'problem.yaml', rng)


def yaml_repeat_key(root: Path, rng: random.Random) -> str | None:
    return repeat_key(root / 'problem.yaml', rng)


def yaml_bom(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'problem.yaml', 'data/**/*.yaml')
    if one is None:
        return None
    prepend_bom(one)
    return name(root, one)


def yaml_crlf(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'problem.yaml', 'data/**/*.yaml', 'submissions/*.yaml')
    if one is None:
        return None
    to_crlf(one)
    return name(root, one)


def yaml_empty(root: Path, rng: random.Random) -> str:
    content = rng.choice(['', '# nothing\n', '---\n', '[]\n', 'text\n', '{}\n'])
    write(root / 'problem.yaml', content)
    return repr(content)


def yaml_tab(root: Path, rng: random.Random) -> str:
    return append(
        root / 'problem.yaml', rng.choice(['limits:\n\tmemory: 64\n', 'source:\tsomewhere\n', 'source: a\t# b\n'])
    )


def yaml_anchor(root: Path, rng: random.Random) -> str:
    return set_key(root / 'problem.yaml', 'source', '&s Somewhere') + set_key(
        root / 'problem.yaml', 'rights_owner', '*s'
    )


def yaml_document_marks(root: Path, rng: random.Random) -> str:
    path = root / 'problem.yaml'
    lines = rng.choice([('---\n', ''), ('%YAML 1.2\n---\n', ''), ('', '...\n'), ('', '---\nname: Second\n')])
    write(path, lines[0] + text(path) + ('' if text(path).endswith('\n') else '\n') + lines[1])
    return repr(lines)


def limits(root: Path, rng: random.Random) -> str:
    return set_key(
        root / 'problem.yaml',
        'limits',
        rng.choice(
            [
                '{memory: 0}',
                '{memory: -1}',
                '{memory: "64"}',
                '{memory: 64.0}',
                '{memory: 64.5}',
                '{memory: 100000}',
                '{memory: 64 MB}',
                '{output: 0}',
                '{output: 1}',
                '{code: 1}',
                '{time_limit: 1}',
                '{time_limit: 2.5}',
                '{time_limit: 0}',
                '{time_limit: "2"}',
                '{time_multiplier: 0.5}',
                '{time_multiplier: 2}',
                '{time_multipliers: {ac_to_time_limit: 3}}',
                '{time_multipliers: {time_limit_to_tle: 0.9}}',
                '{time_safety_margin: 3}',
                '{time_resolution: 0.1}',
                '{validation_time: 10}',
                '{validation_time: 0.5}',
                '{validation_memory: 512, validation_output: 4}',
                '{validation_passes: 3}',
                '{compilation_time: 30, compilation_memory: 1024}',
                '{cpu: 1}',
                '[]',
                'null',
                '{}',
            ]
        ),
    )


def remove_statement(root: Path, rng: random.Random) -> str | None:
    found = [one for folder in STATEMENTS for one in files(root, f'{folder}/problem*')]
    for one in found:
        one.unlink()
    return 'all statements' if found else None


def empty_statement(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, *(f'{folder}/problem*' for folder in STATEMENTS))
    if one is None:
        return None
    write(one, '')
    return name(root, one)


def rename_statement(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, *(f'{folder}/problem*' for folder in STATEMENTS))
    if one is None:
        return None
    new = one.with_name(
        rng.choice(['problem.xx', 'problem.en-GB', 'problem', 'statement', 'problem.EN', 'problem.sv']) + one.suffix
    )
    one.rename(new)
    return f'{name(root, one)} -> {new.name}'


def statement_in_latex(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, *(f'{folder}/problem*.md' for folder in STATEMENTS))
    if one is None:
        return None
    one.unlink()
    content = rng.choice(['\\problemname{A Name}\nText $x$.\n', 'Text without a name.\n', '\\problemname{}\nText.\n'])
    write(one.with_suffix('.tex'), content)
    return f'{name(root, one.with_suffix(".tex"))} {content!r}'


def rename_root_folder(root: Path, rng: random.Random) -> str | None:
    names = {
        'problem_statement': 'statement',
        'statement': 'problem_statement',
        'output_validators': 'output_validator',
        'output_validator': 'output_validators',
        'input_validators': 'input_format_validators',
        'data': 'Data',
        'submissions': 'submission',
        'include': 'includes',
    }
    found = [one for one in sorted(names) if (root / one).is_dir()]
    one = rng.choice(found)
    (root / one).rename(root / names[one])
    return f'{one} -> {names[one]}'


def remove_root_folder(root: Path, rng: random.Random) -> str | None:
    found = [
        one for one in ('input_validators', 'output_validators', 'output_validator', 'graders') if (root / one).is_dir()
    ]
    if not found:
        return None
    one = rng.choice(found)
    shutil.rmtree(root / one)
    return one


def validator_exit_code(root: Path, rng: random.Random) -> str | None:
    folder = rng.choice([one for one in VALIDATORS if (root / one).is_dir()] or [''])
    python = pick(root, rng, f'{folder}/*.py') if folder else None
    if python is None:
        return None
    code = rng.choice([0, 1, 2, 43, 44, 255])
    write(python, f'import sys\nsys.stdin.read()\nsys.exit({code})\n')
    return f'{name(root, python)} exits {code}'


def validator_prints(root: Path, rng: random.Random) -> str | None:
    folder = rng.choice([one for one in VALIDATORS if (root / one).is_dir()] or [''])
    python = pick(root, rng, f'{folder}/*.py') if folder else None
    if python is None:
        return None
    to = rng.choice(['stdout', 'stderr'])
    write(
        python, f'import sys\nsys.stdin.read()\nfor _ in range(200000):\n    print("x" * 60, file=sys.{to})\nexit(42)\n'
    )
    return f'{name(root, python)} prints 12 MB on {to}'


def validator_broken(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, *(f'{folder}/**/*.{ending}' for folder in VALIDATORS for ending in ('py', 'cpp', 'cc')))
    if one is None:
        return None
    write(one, rng.choice(['this is no program\n', '']))
    return name(root, one)


def second_input_validator(root: Path, rng: random.Random) -> str:
    one, content = rng.choice(
        [
            ('strict.py', 'import sys\nsys.exit(42)\n'),
            ('refuses.py', 'import sys\nsys.exit(43)\n'),
            ('check.ctd', 'INT(0, 1000000000) NEWLINE EOF\n'),
            ('two words.py', 'import sys\nsys.exit(42)\n'),
            ('README.md', 'A text.\n'),
            ('check.unknown', 'A text.\n'),
            ('Check.java', 'class Check { public static void main(String[] a) { System.exit(42); } }\n'),
            ('check.c', '#include <stdlib.h>\nint main() { return 42; }\n'),
        ]
    )
    write(root / 'input_validators' / one, content)
    return f'input_validators/{one}'


def include_folder(root: Path, rng: random.Random) -> str:
    one = rng.choice(
        ['cpp/extra.h', 'python3/extra.py', 'default/extra.txt', 'brainfuck/extra.bf', 'cpp/two words.h', 'extra.h']
    )
    write(root / 'include' / one, '// nothing\n' if one.endswith('.h') else '')
    return f'include/{one}'


def attachment(root: Path, rng: random.Random) -> str:
    one = rng.choice(['tool.py', 'nested/tool.py', 'two words.txt', '.hidden', 'large.bin'])
    write(root / 'attachments' / one, 'x' * (300000 if one == 'large.bin' else 2))
    return f'attachments/{one}'


def time_limit_file(root: Path, rng: random.Random) -> str:
    one, content = rng.choice(
        [
            ('.timelimit', '3\n'),
            ('.timelimit', 'abc\n'),
            ('.timelimit', '1.5'),
            ('domjudge-problem.ini', 'timelimit = 3\n'),
            ('domjudge-problem.ini', "timelimit='2'\nname='A name'\ncolor='#ff0000'\n"),
            ('domjudge-problem.ini', '\ufefftimelimit = 3\r\n'),
        ]
    )
    write(root / one, content)
    return f'{one} {content!r}'


def group_file(keys_and_values: list[str], file: str, of: str):
    """A mutation that adds a line to the settings of a group."""

    def mutation(root: Path, rng: random.Random) -> str | None:
        groups = [root / 'data', *subfolders(root, 'data/*'), *subfolders(root, 'data/secret/*')]
        groups = [one for one in groups if one.is_dir() and not one.name.endswith('.files')]
        if not groups:
            return None
        path = rng.choice(groups) / file
        key, value = rng.choice(keys_and_values).split(': ', 1)
        return f'{name(root, path.parent)}/{set_key(path, key, value)}'

    mutation.__name__ = of
    return mutation


def empty_group_file(root: Path, rng: random.Random) -> str | None:
    one = pick(root, rng, 'data/**/testdata.yaml', 'data/**/test_group.yaml')
    if one is None:
        return None
    write(one, rng.choice(['', '# nothing\n', '[]\n']))
    return f'{name(root, one)} {text(one)!r}'


def submissions_yaml(root: Path, rng: random.Random) -> str:
    return append(
        root / 'submissions' / 'submissions.yaml',
        rng.choice(
            [
                'accepted: {permitted: [AC]}\n',
                'accepted/*: {use_for_time_limit: false}\n',
                'wrong_answer: {required: [WA]}\n',
                '"wrong_answer/*.{py,cpp}": {permitted: [AC, WA]}\n',
                'nothing_like_this: {permitted: [AC]}\n',
                '"*": {colour: red}\n',
                'accepted/*.py: {language: python3}\n',
                'wrong_answer/**: {message: hello}\n',
                'accepted: {score: 100}\n',
                '"[ab]*/*": {permitted: [AC, WA, RTE, TLE]}\n',
            ]
        ),
    )


MUTATIONS = [
    yaml_unknown_key,
    yaml_drop_key,
    yaml_repeat_key,
    yaml_bom,
    yaml_crlf,
    yaml_empty,
    yaml_tab,
    yaml_anchor,
    yaml_document_marks,
    limits,
    choose(
        'problem.yaml',
        'name',
        [
            '007',
            'No',
            '3.10',
            '2024-01-02',
            'null',
            '',
            '{en: A, xx: B}',
            '[A]',
            '"  "',
            'A $x$',
            '12345678901234567890',
        ],
    ),
    choose(
        'problem.yaml',
        'license',
        ['cc by-sa', 'CC BY-SA', 'cc-by-sa', 'gpl', 'null', 'public domain', 'unknown', '[cc0]'],
    ),
    choose('problem.yaml', 'keywords', ['a, b', 'a b', '[a, b]', '[1, yes]', 'null', '{}']),
    choose('problem.yaml', 'uuid', ['abc', '123', '550e8400-e29b-41d4-a716-446655440000', 'null']),
    choose('problem.yaml', 'source', ['2024', 'null', '[A, B]', '{name: A, url: b}', '[{name: A}]']),
    choose(
        'problem.yaml',
        'problem_format_version',
        ['legacy', '2023-07', '2023-07-draft', 'draft', '2025-09', '2020', 'null', '"legacy"'],
    ),
    remove_statement,
    empty_statement,
    rename_statement,
    statement_in_latex,
    rename_root_folder,
    remove_root_folder,
    validator_exit_code,
    validator_prints,
    validator_broken,
    second_input_validator,
    include_folder,
    attachment,
    time_limit_file,
    empty_group_file,
]

OF_LEGACY = [
    choose('problem.yaml', 'type', ['scoring', 'pass-fail', 'Scoring', '[scoring]', 'interactive', 'null']),
    choose(
        'problem.yaml',
        'validation',
        [
            'default',
            'custom',
            'custom score',
            'custom interactive',
            'custom interactive score',
            'custom multi-pass',
            'none',
            'null',
            '',
        ],
    ),
    choose(
        'problem.yaml',
        'validator_flags',
        [
            'float_tolerance 1e-6',
            'float_tolerance',
            'float_tolerance abc',
            'case_sensitive',
            'space_change_sensitive',
            'colour red',
            '[a]',
            '12',
            'float_absolute_tolerance 1e-3 float_relative_tolerance 1e-2',
        ],
    ),
    choose('problem.yaml', 'author', ['A and B', 'A, B & C', '[A, B]', 'null', '12', 'A <a@b.c>']),
    choose(
        'problem.yaml',
        'grading',
        [
            '{objective: min}',
            '{objective: max}',
            '{on_reject: grade}',
            '{on_reject: first_error}',
            '{on_reject: worst_error}',
            '{accept_score: 5}',
            '{range: 0 10}',
            '{show_test_data_groups: false}',
            '{show_test_data_groups: yes}',
            '{custom: 1}',
            'default',
        ],
    ),
    group_file(
        ['on_reject: continue', 'on_reject: break', 'on_reject: first_error', 'on_reject: grade', 'on_reject: null'],
        'testdata.yaml',
        'group_on_reject',
    ),
    group_file(
        [
            'grader_flags: min',
            'grader_flags: max',
            'grader_flags: avg',
            'grader_flags: sum',
            'grader_flags: first_error',
            'grader_flags: worst_error',
            'grader_flags: no_errors',
            'grader_flags: ignore_sample',
            'grader_flags: accept_if_any_accepted',
            'grader_flags: always_accept',
            'grader_flags: min max',
            'grader_flags: [min]',
            "grader_flags: ''",
        ],
        'testdata.yaml',
        'group_grader_flags',
    ),
    group_file(['grading: default', 'grading: custom', 'grading: none'], 'testdata.yaml', 'group_grading'),
    group_file(
        [
            'accept_score: 7',
            'accept_score: 0',
            'accept_score: 33.3',
            'accept_score: "5"',
            'reject_score: 1',
            'reject_score: -1',
        ],
        'testdata.yaml',
        'group_scores',
    ),
    group_file(
        [
            'range: 0 100',
            'range: 0 1',
            'range: 100 0',
            'range: 0',
            'range: -inf +inf',
            'range: [0, 5]',
            "range: '0 5'",
            'range: a b',
        ],
        'testdata.yaml',
        'group_range',
    ),
    group_file(['colour: red', 'max_score: 10', 'hint: x', 'accept_Score: 3'], 'testdata.yaml', 'group_unknown_key'),
    group_file(
        [
            'output_validator_flags: float_tolerance 1e-3',
            'output_validator_flags: case_sensitive',
            'output_validator_flags: colour',
            'output_validator_flags: []',
            'output_validator_flags: 12',
            'output_validator_flags: null',
        ],
        'testdata.yaml',
        'group_output_flags',
    ),
    group_file(
        [
            'input_validator_flags: x',
            'input_validator_flags: 1 2',
            'input_validator_flags: 5',
            'input_validator_flags: {a: b}',
        ],
        'testdata.yaml',
        'group_input_flags',
    ),
]

OF_2025_09 = [
    submissions_yaml,
    choose(
        'problem.yaml',
        'type',
        [
            'pass-fail',
            '[pass-fail]',
            '[interactive]',
            '[pass-fail, interactive]',
            '[multi-pass]',
            'Interactive',
            'null',
        ],
    ),
    choose(
        'problem.yaml',
        'credits',
        ['A', '{authors: A}', '{authors: [A <a@b.c>, {name: B}]}', '{writers: A}', '{authors: []}', '[A]', 'null'],
    ),
    choose('problem.yaml', 'embargo_until', ['2030-01-01', '2030-01-01T10:00:00Z', 'soon', 'null']),
    choose('problem.yaml', 'constants', ['{n: 5}', '{1n: 5}', '{n: [1]}', '{n: {value: 5}}', 'null', '{n: yes}']),
    choose('problem.yaml', 'languages', ['all', '[cpp, python3]', '[brainfuck]', '[]', 'cpp']),
    group_file(
        [
            'args: [a]',
            'args: a',
            'output_validator_args: [case_sensitive]',
            'output_validator_args: case_sensitive',
            'output_validator_args: [float_tolerance, 1e-6]',
            'output_validator_args: [float_tolerance, "1e-6"]',
            'input_validator_args: [x]',
            'input_validator_args: {a: [x]}',
            'colour: red',
            'max_score: 10',
            'score_aggregation: sum',
            'require_pass: sample',
            'full_feedback: true',
            'hint: x',
            'static_validation_score: 5',
            'on_reject: break',
        ],
        'test_group.yaml',
        'test_group',
    ),
    group_file(['on_reject: continue', 'accept_score: 5'], 'testdata.yaml', 'old_group_file'),
]
