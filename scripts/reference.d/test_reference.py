"""Tests that need no reference tool: comparing reports, and making mutations.

python3 -B -m unittest discover --start-directory scripts/reference.d
"""

from __future__ import annotations

import hashlib
import tempfile
import unittest
from pathlib import Path

import mutate
from compare import WARNED, Difference, compare, reactions
from formats import beyond_tool, format_of
from report import Report, Submission

PACKAGES = Path(__file__).parents[2] / 'tests/packages'


def kattis(**more) -> Report:
    return Report(tool='problemtools 1', **more)


def judged(verdict: str, score: float | None = None, agrees: bool = True) -> dict[str, Submission]:
    return {'accepted/a.py': Submission(verdict=verdict, score=score, agrees=agrees)}


class Compare(unittest.TestCase):
    def kinds(self, reference: Report, assay: Report) -> list[str]:
        return [one.kind + (' explained' if one.reason else '') for one in compare(reference, assay)]

    def test_kinds_of_differences(self):
        ours = Report(tool='assay')
        cases = [
            ('both accept', kattis(), ours, []),
            ('both refuse', kattis(errors=['a']), Report('assay', errors=['b']), []),
            ('only the tool refuses', kattis(errors=['a']), ours, ['refusal']),
            ('only we refuse', kattis(), Report('assay', errors=['b']), ['refusal']),
            ('a known reason', kattis(errors=["Invalid shortname 'a-b'"]), ours, ['refusal explained']),
            ('only the tool warns', kattis(warnings=['Unknown key x']), ours, ['warning']),
            ('in other words', kattis(warnings=['Unknown key x']), Report('assay', warnings=['x is not known']), []),
            ('advice on style', kattis(warnings=["License is 'unknown'"]), ours, []),
            (
                'time limits',
                kattis(submissions=judged('AC'), time_limit_ms=1000),
                Report('assay', submissions=judged('AC'), time_limit_ms=2000),
                ['limit'],
            ),
            ('one is not judged', kattis(submissions=judged('AC')), ours, ['submission']),
        ]
        for name, reference, assay, expected in cases:
            with self.subTest(name):
                self.assertEqual(self.kinds(reference, assay), expected)

    def test_verdicts_and_scores(self):
        cases = [
            ('the same', judged('AC'), judged('AC'), []),
            ('another verdict', judged('WA'), judged('AC'), ['verdict']),
            ('part of the score', judged('AC', 70), judged('PARTIAL', 70), []),
            ('another score', judged('AC', 70), judged('PARTIAL', 60), ['score']),
            ('thirds', judged('AC', 100.00000000000001), judged('AC', 100), []),
            ('nothing but partial', judged('WA', 0), judged('PARTIAL', 10), ['verdict']),
            ('accepted with nothing', judged('AC', 0), judged('WA', 0), ['verdict explained']),
            ('another expectation', judged('AC'), judged('AC', agrees=False), ['agreement']),
            ('a crash of memory', judged('RTE'), judged('MLE'), []),
            ('no compiler', {'accepted/a.py': Submission()}, judged('AC'), []),
        ]
        for name, theirs, ours, expected in cases:
            with self.subTest(name):
                found = self.kinds(kattis(submissions=theirs), Report('assay', submissions=ours))
                self.assertEqual(found, expected)

    def test_reactions(self):
        before = kattis(warnings=['5 of 7'], submissions=judged('AC'))
        cases = [
            ('nothing', kattis(warnings=['6 of 8'], submissions=judged('AC'))),
            ('warns', kattis(warnings=['5 of 7', 'more'], submissions=judged('AC'))),
            ('refuses', kattis(errors=['a'])),
            ('results change', kattis(warnings=['5 of 7'], submissions=judged('WA'))),
        ]
        for expected, after in cases:
            with self.subTest(expected):
                self.assertEqual(reactions(before, after), expected)
        self.assertEqual(reactions(kattis(errors=['a']), kattis()), 'accepts')

    def test_a_refusal_tells_the_warning_of_the_other_side(self):
        found = compare(kattis(errors=['Unknown key x']), Report('assay', warnings=['x is not known']))
        warned = 'accepted with the warning: x is not known'
        self.assertEqual(found, [Difference('refusal', 'unknown key', 'Unknown key x', warned, WARNED)])

    def test_our_refusals_have_reasons_one_by_one(self):
        known = "data/testdata.yaml: belongs to the older format"
        for errors, expected in [([known], ['refusal explained']), ([known, 'b'], ['refusal'])]:
            self.assertEqual(self.kinds(kattis(), Report('assay', errors=errors)), expected)


class Mutate(unittest.TestCase):
    FORMATS = {
        str(PACKAGES / name): format_of(PACKAGES / name) for name in ('plainsum', 'minimal202509', 'dmojbatched')
    }

    def test_formats_are_detected(self):
        self.assertEqual(list(self.FORMATS.values()), ['legacy', '2025-09', 'dmoj'])
        self.assertEqual(format_of(PACKAGES / 'polygonbasic'), 'polygon')
        self.assertEqual(format_of(PACKAGES / 'fpstwo'), 'fps')
        self.assertIsNone(format_of(PACKAGES))

    def test_what_a_tool_lacks_is_reported(self):
        cases = [
            ('plainsum', ''),
            ('twovalidators', 'the first of several output validators'),
            ('buildvalidator', 'flags as a text only'),
            ('includedefault', 'no include/default'),
            ('testfiles', 'no files'),
            ('constants', 'no constants into submissions'),
            ('dmojbasic', ''),
        ]
        for name, expected in cases:
            with self.subTest(name):
                package = PACKAGES / name
                reason = beyond_tool(package, format_of(package))
                self.assertIn(expected, reason)
                self.assertEqual(bool(expected), bool(reason))

    def test_a_mutation_follows_from_its_number_and_the_seed(self):
        self.assertEqual(self.made(1, 5), self.made(1, 5))
        self.assertNotEqual(
            [self.made(1, number) for number in range(5)], [self.made(2, number) for number in range(5)]
        )

    def test_every_mutation_says_what_it_changed(self):
        for number in range(120):
            package, mutation, content = self.made(3, number)
            with self.subTest(mutation):
                self.assertRegex(mutation, r'^\w+: .')
                self.assertIn(package, self.FORMATS)

    def made(self, seed: int, number: int) -> tuple[str, str, str]:
        with tempfile.TemporaryDirectory() as into:
            package, copy, mutation = mutate.make(seed, number, self.FORMATS, Path(into) / 'changed')
            digest = hashlib.sha256()
            for path in sorted(copy.rglob('*')):
                digest.update(str(path.relative_to(copy)).encode('utf-8', 'surrogateescape'))
                if path.is_file() and not path.is_symlink():
                    digest.update(path.read_bytes())
        return package, mutation, digest.hexdigest()


if __name__ == '__main__':
    unittest.main()
