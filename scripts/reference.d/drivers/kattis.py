"""Runs problemtools (`verifyproblem`) on a package of the format `legacy`, `legacy-icpc` or `2023-07-draft`.

Usage: kattis.py PACKAGE REPORT
"""

from __future__ import annotations

import re
import shutil
import sys
import traceback
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import pydantic
import yaml
from problemtools import metadata, model, problem2html, problem2pdf
from problemtools.checks import submissions as submission_checks
from problemtools.context import Context
from problemtools.diagnostics import Diagnostics, VerifyError
from problemtools.run import SourceCode
from problemtools.verifyproblem import ProblemVerifier
from report import Report, Submission


class Recorder(Diagnostics):
    """Collects messages. Its children share the lists."""

    def __init__(self, report: Report) -> None:
        self.report = report
        # Set while a submission is judged, because the messages then belong to its result.
        self.submission: list[str] | None = None

    def error(self, msg: str, additional_info: str | None = None) -> None:
        if self.submission is not None and re.search(r' got (AC|WA|TLE|RTE|OLE|MLE|JE)\b', msg):
            self.submission.append(f'{msg} ({additional_info})' if additional_info else msg)
        elif not msg.startswith('Compile error for ') or ' validator ' in msg or 'grader' in msg:
            self.report.errors.append(f'{msg} ({additional_info})' if additional_info else msg)

    def warning(self, msg: str, additional_info: str | None = None) -> None:
        self.report.warnings.append(msg)

    def info(self, msg: str) -> None: ...

    def debug(self, msg: str) -> None: ...

    def msg(self, msg: str) -> None: ...

    def ttymsg(self, msg: str) -> None: ...

    def child(self, name: str) -> Diagnostics:
        return self

    @property
    def errors(self) -> int:
        return len(self.report.errors)

    @property
    def warnings(self) -> int:
        return len(self.report.warnings)


def main(package: Path, out: Path) -> None:
    report = Report(tool=f'problemtools {version("problemtools")}')
    diagnostics = Recorder(report)
    record_submissions(report, diagnostics)
    leave_unknown_keys_aside(report)
    without_typesetting()
    suit_languages(package)
    try:
        read_icpc_as_legacy(package)
        problem = model.load_problem(package, diagnostics)
        note_limits(problem, report)
        with ProblemVerifier(problem, diagnostics) as verifier:
            time_limit_s = verifier.check(Context(fixed_timelim=given_time_limit_s(package))).timelim
        if time_limit_s is not None:
            report.time_limit_ms = round(time_limit_s * 1000)
    except VerifyError:
        pass
    except Exception:
        report.errors.append('the tool crashed: ' + traceback.format_exc(limit=-2))
    report.write(out)


def read_icpc_as_legacy(package: Path) -> None:
    """Replaces `legacy-icpc`, which problemtools does not support, by `legacy`, which includes it."""
    path = package / 'problem.yaml'
    if path.is_file():
        text = path.read_bytes()
        path.write_bytes(re.sub(rb'^(problem_format_version:\s*)legacy-icpc\s*$', rb'\1legacy', text, flags=re.M))


def note_limits(problem: model.Problem, report: Report) -> None:
    limits = (yaml.safe_load((problem.probdir / 'problem.yaml').read_text()) or {}).get('limits') or {}
    if 'memory' in limits:
        report.memory_kb = problem.metadata.limits.memory * 1024
    report.time_limit_given = problem.metadata.limits.time_limit is not None


def given_time_limit_s(package: Path) -> float | None:
    """The `limits.time_limit` of a `legacy` package, which problemtools refuses as unknown."""
    content = yaml.safe_load((package / 'problem.yaml').read_text()) or {}
    if 'problem_format_version' in content and content['problem_format_version'] != 'legacy':
        return None
    return (content.get('limits') or {}).get('time_limit')


def leave_unknown_keys_aside(report: Report) -> None:
    """Continues after an unknown key in problem.yaml, where problemtools stops, and records it as an error."""
    parse = metadata.parse_metadata

    def parsed(format_version, data, *arguments):
        try:
            return parse(format_version, data, *arguments)
        except pydantic.ValidationError as error:
            unknown = [
                one['loc']
                for one in error.errors()
                if one['type'] in ('extra_forbidden', 'unexpected_keyword_argument')
            ]
            if not unknown:
                raise
            for *parents, key in unknown:
                report.errors.append(f'Unknown key {".".join(map(str, [*parents, key]))} in problem.yaml')
                inner = data
                for parent in parents:
                    inner = inner[parent]
                del inner[key]
            return parse(format_version, data, *arguments)

    metadata.parse_metadata = parsed


def record_submissions(report: Report, diagnostics: Recorder) -> None:
    check = submission_checks._check_submission
    check_group = submission_checks._check_submission_group

    def checked(submission, *arguments):
        diagnostics.submission = []
        warnings_before = len(report.warnings)
        results = check(submission, *arguments)
        last = results[-1]
        report.submissions[str(submission.path)] = Submission(
            verdict=last.verdict,
            score=last.score,
            agrees=not diagnostics.submission,
            time_ms=round(last.runtime * 1000),
            detail='; '.join(diagnostics.submission + report.warnings[warnings_before:]),
        )
        diagnostics.submission = None
        return results

    def group_checked(submissions, *arguments):
        results = check_group(submissions, *arguments)
        for submission in submissions:
            if str(submission.path) not in report.submissions:
                report.submissions[str(submission.path)] = not_compiled(submission)
        return results

    def not_compiled(submission) -> Submission:
        language = getattr(submission.program, 'language', None)
        for command in (getattr(language, 'compile', None), getattr(language, 'run', None)):
            if command and '{' not in command.split()[0] and not shutil.which(command.split()[0]):
                return Submission(detail=f'{command.split()[0]} is not installed')
        # The result is cached, and a failed compilation needs no folder.
        outcome = submission.program.compile(None)
        return Submission(verdict='CE', agrees=False, detail=outcome.errmsg or '')

    submission_checks._check_submission = checked
    submission_checks._check_submission_group = group_checked


def suit_languages(package: Path) -> None:
    # Debian 12's javac is older than the version that problemtools requires.
    (package.parent / 'languages.yaml').write_text(
        "java: {compile: 'javac -encoding UTF-8 -sourcepath {path} -d {path} {files}'}\n"
    )
    # Node reserves more address space than the limit that problemtools sets, as the JVM does.
    skips = SourceCode.should_skip_memory_rlimit
    SourceCode.should_skip_memory_rlimit = lambda program: program.language.name == 'JavaScript' or skips(program)


def without_typesetting() -> None:
    """Does not typeset LaTeX statements, because TeX is not installed; pandoc converts Markdown to HTML."""
    problem2pdf.convert = lambda options, file: True
    convert = problem2html.convert

    def to_html(options, diagnostics, file):
        if Path(file).suffix != '.tex':
            convert(options, diagnostics, file)

    problem2html.convert = to_html


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
