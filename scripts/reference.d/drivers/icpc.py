"""Runs BAPCtools (`bt validate`, `bt run`) on a package of the format `2025-09`.

BAPCtools computes no scores; the verdict of a submission is the first that is not AC.

Usage: icpc.py PACKAGE REPORT
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from bapctools import cli, cli_parser, config, problem, run, util
from report import Report, Submission

# Messages of BAPCtools about files that it generates and typesets itself, and the ends of its progress bars.
OF_ITS_OWN = re.compile(r'^Done|visuali[sz]er|generators?\.yaml|testing_tool')


def main(package: Path, out: Path) -> None:
    report = Report(tool=f'BAPCtools {version("bapctools")}')
    record_messages(report)
    record_submissions(report)
    for arguments in (
        ['validate', '--no-bar', '--input', '--answer', '--invalid', '--valid-output'],
        ['run', '--no-bar', '--no-generate'],
    ):
        # A command may change the working directory.
        os.chdir(package)
        try:
            cli.run_parsed_arguments(cli_parser.parse_args(arguments), personal_config=False)
        except SystemExit:
            pass
        except Exception:
            report.errors.append('the tool crashed: ' + traceback.format_exc(limit=-2))
    # Both commands read the package, so some messages come twice.
    report.errors = list(dict.fromkeys(report.errors))
    report.warnings = [one for one in dict.fromkeys(report.warnings) if one not in report.errors]
    if any(re.search(r'unrecognized value for `type`: scoring', one) for one in report.errors):
        report.unsupported = 'BAPCtools knows no scored problems'
    report.write(out)


def record_messages(report: Report) -> None:
    def clean(*parts: object) -> str:
        return re.sub(r'\x1b\[[0-9;]*m', '', ' '.join(str(part) for part in parts if part)).strip()

    def recorder(messages: list[str], original: Callable) -> Callable:
        def recorded(bar, message, data=None):
            text = clean(bar.prefix, util.BaseBar.item_text(bar.item), message, data)
            if not OF_ITS_OWN.search(text):
                messages.append(text)
            return original(bar, message, data)

        return recorded

    bar = util.BaseBar
    bar.warn = recorder(report.warnings, bar.warn)
    bar.error = recorder(report.errors, bar.error)
    bar.fatal = recorder(report.errors, bar.fatal)
    # These two report cases that a validator wrongly rejects or accepts.
    for of in (util.BaseBar, util.ProgressBar):
        for name in ('part_done', 'done'):
            if name in vars(of):
                setattr(of, name, done_recorder(report, clean, vars(of)[name]))

    for name, messages in (('warn', report.warnings), ('error', report.errors), ('fatal', report.errors)):
        original = getattr(util, name)

        def recorded(message, *arguments, _messages=messages, _original=original, **more):
            _messages.append(clean(message))
            return _original(message, *arguments, **more)

        for module in list(sys.modules.values()):
            if module.__name__.startswith('bapctools') and getattr(module, name, None) is original:
                setattr(module, name, recorded)


def done_recorder(report: Report, clean: Callable, original: Callable) -> Callable:
    def done(bar, success=True, message='', data='', *arguments, **more):
        # Results of submissions are recorded separately.
        if success is False and not isinstance(bar, run.TableProgressBar):
            report.errors.append(clean(bar.prefix, util.BaseBar.item_text(bar.item), message, data))
        return original(bar, success, message, data, *arguments, **more)

    return done


def record_submissions(report: Report) -> None:
    run_test_cases = run.Submission.run_test_cases
    read_settings = problem.Problem._read_settings
    submissions = problem.Problem.submissions

    def recorded(submission, *arguments):
        before = len(report.warnings)
        agrees = run_test_cases(submission, *arguments)
        # Messages of this run are about the submission's result.
        said, report.warnings[before:] = report.warnings[before:], []
        report.submissions[submission.name] = Submission(
            verdict=submission.verdict.short, agrees=agrees, detail='; '.join(said)
        )
        return agrees

    def read(one, bar):
        read_settings(one, bar)
        report.time_limit_ms = round(one.limits.raw_time_limit * 1000)
        report.time_limit_given = not one.limits.time_limit_is_default
        if one.limits.memory != config.DEFAULT_MEMORY:
            report.memory_kb = one.limits.memory * 1024

    def built(one):
        found = submissions(one)
        for submission in one.raw_submissions():
            if submission not in found:
                report.submissions[submission.name] = Submission(verdict='CE', agrees=False)
        return found

    run.Submission.run_test_cases = recorded
    problem.Problem._read_settings = read
    problem.Problem.submissions = built


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
