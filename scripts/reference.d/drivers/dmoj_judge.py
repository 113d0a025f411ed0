"""Runs the judge of DMOJ on a package with `init.yml`, with the submissions that its `tests/*/test.yml` name.

Usage: dmoj_judge.py PACKAGE REPORT
"""

from __future__ import annotations

import logging
import sys
import tempfile
import traceback
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from dmoj import contrib, executors, judgeenv
from dmoj.config import InvalidInitException
from dmoj.judge import Judge
from dmoj.problem import Problem
from dmoj.testsuite import Tester, TestManager
from report import Report, Submission

# The executors of the languages in our packages, each with its program.
RUNTIME = {
    'C': ('gcc', '/usr/bin/gcc'),
    'C11': ('gcc11', '/usr/bin/gcc'),
    'CPP03': ('g++', '/usr/bin/g++'),
    'CPP11': ('g++11', '/usr/bin/g++'),
    'CPP14': ('g++14', '/usr/bin/g++'),
    'CPP17': ('g++17', '/usr/bin/g++'),
    'CPP20': ('g++20', '/usr/bin/g++'),
    'PY3': ('python3', '/usr/bin/python3'),
}
# From best to worst, as ordered by DMOJ's site.
WORST = ['SC', 'AC', 'WA', 'MLE', 'TLE', 'IR', 'RTE', 'OLE', 'IE']
VERDICTS = {'IR': 'RTE', 'IE': 'JE', 'SC': 'AC'}


class Manager(TestManager):
    """Collects the results of the cases of one submission."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.said: list[str] = []
        self.cases: list[tuple[int | None, str, float, float]] = []
        self.batch: int | None = None
        self.batches = 0
        self.compile_error: str | None = None
        self.internal_error: str | None = None

    def output(self, message: str) -> None:
        self.said.append(message.strip())

    def batch_begin_packet(self) -> None:
        self.batches += 1
        self.batch = self.batches

    def batch_end_packet(self) -> None:
        self.batch = None

    def test_case_status_packet(self, position, result) -> None:
        code = result.readable_codes()[0]
        self.cases.append((self.batch, code, result.points, result.execution_time))
        super().test_case_status_packet(position, result)

    def compile_error_packet(self, log) -> None:
        self.compile_error = log
        super().compile_error_packet(log)

    def internal_error_packet(self, message) -> None:
        self.internal_error = message
        super().internal_error_packet(message)

    def result(self, failed: bool) -> Submission:
        detail = '; '.join(self.said)
        if self.internal_error is not None:
            last = self.internal_error.strip().splitlines()[-1]
            return Submission(verdict='JE', agrees=not failed, detail=f'{last}; {detail}')
        if self.compile_error is not None:
            return Submission(verdict='CE', agrees=not failed, detail=self.compile_error)
        worst = max((code for _, code, _, _ in self.cases), key=WORST.index, default='AC')
        return Submission(
            verdict=VERDICTS.get(worst, worst),
            score=self.score(),
            agrees=not failed,
            time_ms=round(max((time_s for *_, time_s in self.cases), default=0) * 1000),
            detail=detail,
        )

    def score(self) -> float:
        """A batch scores the minimum of its cases."""
        alone = sum(points for batch, _, points, _ in self.cases if batch is None)
        batches: dict[int, float] = {}
        for batch, _, points, _ in self.cases:
            if batch is not None:
                batches[batch] = min(points, batches.get(batch, points))
        return alone + sum(batches.values())


class Recorder(Tester):
    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self.manager = Manager()
        self.judge = Judge(self.manager)
        self.case = ''

    def output(self, message: str = '') -> None: ...

    def run_test_case(self, problem, case, case_dir):
        self.case = case
        return super().run_test_case(problem, case, case_dir)

    def _run_test_case(self, problem, case_dir, config):
        if config.get('skip'):
            return 0
        sources = config['source'] if isinstance(config['source'], list) else [config['source']]
        fails = 0
        for source in sources:
            path = f'tests/{self.case}/{source}'
            if config['language'] not in executors.executors:
                self.report.submissions[path] = Submission(detail=f'{config["language"]} is not installed')
                continue
            self.manager.start()
            fails += super()._run_test_case(problem, case_dir, {**config, 'source': source})
            self.report.submissions[path] = self.manager.result(bool(self.manager.failed))
        return fails


def main(package: Path, out: Path) -> None:
    report = Report(tool=f'DMOJ judge {version("dmoj")}')
    with tempfile.TemporaryDirectory() as scratch:
        load(package, Path(scratch))
        read_tests(package, report)
        if not report.errors:
            tester = Recorder(report)
            tests = package / 'tests'
            for case in sorted(tests.iterdir()) if tests.is_dir() else ():
                try:
                    tester.run_test_case(package.name, case.name, str(case))
                except Exception:
                    report.errors.append(f'tests/{case.name}: ' + traceback.format_exc(limit=0).strip())
            note_internal_errors(report)
    report.write(out)


def load(package: Path, scratch: Path) -> None:
    settings = scratch / 'judge.yml'
    runtime = ''.join(f'  {key}: {path}\n' for key, path in RUNTIME.values())
    settings.write_text(
        f'problem_storage_globs: [{str(package.parent / "*")!r}]\ntempdir: {scratch}\nruntime:\n{runtime}'
    )
    sys.argv = ['dmoj-cli', '--config', str(settings), '--only-executors', ','.join(RUNTIME), '--no-ansi']
    sys.argv.append('--skip-self-test')
    judgeenv.load_env(cli=True)
    # Otherwise the judge prints every refused system call.
    logging.disable(logging.CRITICAL)
    executors.load_executors()
    contrib.load_contrib_modules()


def read_tests(package: Path, report: Report) -> None:
    """Reads init.yml, every case with its files, and its checker, as the judge does before it runs anything."""
    try:
        problem = Problem(package.name, 2, 65536, {})
        grader = problem.grader_class
        cases = problem.config['pretest_test_cases'] or []
        cases = list(cases) + list(problem.config['test_cases'])
        from dmoj.problem import TestCase

        for config in cases:
            for one in config['batched'] or [config]:
                case = TestCase(1, 0, one, problem)
                if not (one['generator'] or grader.__name__ in ('CustomGrader', 'BridgedInteractiveGrader')):
                    case.input_data()
                    case.output_data()
                case.checker()
    except KeyError as error:
        report.errors.append(f'init.yml: {error.args[0] if error.args else error}')
    except InvalidInitException as error:
        report.errors.append(f'init.yml: {error}')
    except Exception:
        report.errors.append('init.yml: ' + traceback.format_exc(limit=0).strip())


def note_internal_errors(report: Report) -> None:
    """If all submissions end with a judge error, the package cannot be judged."""
    judged = [one for one in report.submissions.values() if one.verdict is not None]
    if judged and all(one.verdict == 'JE' for one in judged):
        report.errors.append(judged[0].detail)


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
