"""Runs `assay problem verify` on a package.

Usage: assay.py ASSAY PACKAGE REPORT
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from report import Report, Submission

VERDICTS = {
    'ACCEPTED': 'AC',
    'PARTIAL': 'PARTIAL',
    'WRONG_ANSWER': 'WA',
    # No reference tool distinguishes it.
    'PRESENTATION_ERROR': 'WA',
    'TIME_LIMIT_EXCEEDED': 'TLE',
    'MEMORY_LIMIT_EXCEEDED': 'MLE',
    'OUTPUT_LIMIT_EXCEEDED': 'OLE',
    'RUNTIME_ERROR': 'RTE',
    'COMPILE_ERROR': 'CE',
    'JUDGE_ERROR': 'JE',
}


def main(assay: str, package: Path, out: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix='.json') as found:
        command = [assay, 'problem', 'verify', '--sandbox', 'native', '--jobs', '1', '--json', found.name, str(package)]
        ran = subprocess.run(command, capture_output=True, text=True, errors='replace')
        text = Path(found.name).read_text()
    report = Report(tool='assay')
    if not text:
        report.errors.append(f'exit code {ran.returncode}: {ran.stderr.strip()[-500:]}')
    for one in json.loads(text)['packages'] if text else []:
        read(one, report)
    report.write(out)


def read(found: dict, report: Report) -> None:
    report.errors += [message(one) for one in found['problems']]
    report.warnings += [message(one) for one in found['warnings']]
    for one in found['submissions']:
        verdict = VERDICTS.get(one['verdict'], one['verdict'])
        report.submissions[one['path']] = Submission(
            verdict=verdict,
            score=one['score'],
            agrees=one['agrees'],
            time_ms=one['time_ms'],
            detail=one['detail'],
        )
    limits = found['limits']
    if limits:
        report.time_limit_ms = limits['time_limit_ms']
        report.time_limit_given = limits['time_limit']['kind'] == 'given'
        report.memory_kb = limits['memory_kb']


def message(one: dict) -> str:
    where = one['file'] + (f':{one["line"]}' if one['line'] else '')
    expected = f'; expected {one["expected"]}' if one['expected'] else ''
    return ': '.join(part for part in (where, one['message'] + expected) if part)


if __name__ == '__main__':
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
