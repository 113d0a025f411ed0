"""Compares Assay with the reference tool of each package's format; see docs/packages.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mutate
from compare import Difference, compare, reactions
from formats import DRIVERS, NO_TOOL, beyond_tool, format_of
from report import Report

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


@dataclass
class Comparison:
    package: str
    format: str
    # The change in the copy of the package; empty: no change.
    mutation: str
    reference: Report
    assay: Report
    differences: list[Difference] = field(default_factory=list)
    # How each tool reacts to the mutation.
    reference_reaction: str = ''
    assay_reaction: str = ''


def main() -> int:
    options = arguments()
    # When terminated, it still shows the results so far.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix='reference-') as scratch:
        runner = Runner(Path(scratch), options.assay, options.timeout)
        comparisons = []
        try:
            for one in compare_packages(options.packages, runner):
                comparisons.append(one)
            for one in compare_mutations(list(comparisons), options, runner):
                comparisons.append(one)
        except KeyboardInterrupt:
            say('interrupted; showing the results so far')
    show(comparisons)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in comparisons], indent=1))
    return int(any(not one.reason for comparison in comparisons for one in comparison.differences))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='scripts/reference',
        description='Compares Assay with the reference tool of the format of each package: problemtools, BAPCtools, '
        'or the judge of DMOJ. Prints every difference in refusals, warnings, verdicts, scores and limits. '
        'Submissions run WITHOUT a sandbox in problemtools and BAPCtools: use it on packages that you trust.',
        epilog='Exit code: 0 no difference without a known reason, 1 some, 2 the tools cannot be run.',
    )
    parser.add_argument('packages', nargs='+', type=Path, metavar='PACKAGE', help='folder of a package')
    parser.add_argument('--mutations', type=int, default=0, metavar='N', help='also compare N changed packages')
    parser.add_argument('--seed', type=int, default=1, metavar='S', help='determines the changes (default 1)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all reports and differences as JSON')
    parser.add_argument('--timeout', type=int, default=300, metavar='SECONDS', help='for one tool on one package')
    parser.add_argument(
        '--assay',
        type=Path,
        metavar='FILE',
        default=Path(os.environ.get('CARGO_TARGET_DIR', REPOSITORY / 'target')) / 'debug/assay',
        help='the binary (default: target/debug/assay)',
    )
    options = parser.parse_args()
    if not os.access(options.assay, os.X_OK):
        parser.error(f'{options.assay} does not exist; run `cargo build` first, or name a binary with --assay')
    options.assay = options.assay.resolve()
    return options


class Runner:
    """Runs a driver on a copy of a package, so that no tool writes into it."""

    def __init__(self, scratch: Path, assay: Path, timeout_s: int) -> None:
        self.scratch = scratch
        self.assay = assay
        self.timeout_s = timeout_s
        programs = scratch / 'bin'
        programs.mkdir()
        # The tools run Python with PyPy. Assay's interpreter is used instead, so that times are comparable.
        (programs / 'pypy3').symlink_to('/usr/bin/python3')
        self.environment = {
            **os.environ,
            'PATH': f'{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get("PATH", "")}',
            'XDG_CONFIG_HOME': str(scratch / 'config'),
            'TMPDIR': str(scratch / 'tmp'),
        }

    def reports(self, package: Path, package_format: str) -> tuple[Report, Report]:
        driver = DRIVERS[package_format]
        return self.run(driver, [], package), self.run('assay', [str(self.assay)], package)

    def run(self, driver: str, arguments: list[str], package: Path) -> Report:
        (self.scratch / 'tmp').mkdir(exist_ok=True)
        copy = self.scratch / 'copy' / package.name
        shutil.copytree(package, copy, symlinks=True)
        out = self.scratch / 'report.json'
        command = [sys.executable, str(HERE / 'drivers' / f'{driver}.py'), *arguments, str(copy), str(out)]
        log = self.scratch / 'log'
        try:
            with log.open('wb') as said:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    env=self.environment,
                    start_new_session=True,
                )
                try:
                    process.wait(self.timeout_s)
                except subprocess.TimeoutExpired:
                    return Report(tool=driver, errors=[f'no result within {self.timeout_s} s'])
                finally:
                    end_group(process)
            if out.is_file():
                return Report.read(out)
            last = log.read_text(errors='replace').strip()[-500:]
            return Report(tool=driver, errors=[f'the tool ended without a report: {last}'])
        finally:
            out.unlink(missing_ok=True)
            shutil.rmtree(self.scratch / 'copy')
            shutil.rmtree(self.scratch / 'tmp', ignore_errors=True)


def end_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def compare_packages(packages: list[Path], runner: Runner) -> Iterator[Comparison]:
    for package in packages:
        package_format = format_of(package)
        if package_format is None:
            say(f'{package}: not a package, skipped')
        elif not DRIVERS.get(package_format):
            say(f'{package}: no reference tool: {NO_TOOL.get(package_format, f"unknown format {package_format}")}')
        elif reason := beyond_tool(package, package_format):
            say(f'{package}: not compared: {reason}')
        else:
            reference, assay = runner.reports(package.resolve(), package_format)
            one = Comparison(str(package), package_format, '', reference, assay)
            if reference.unsupported:
                say(f'{package}: not compared: {reference.unsupported}')
            else:
                one.differences = compare(reference, assay)
                say(f'{package}: {count(one.differences)}')
                yield one


def compare_mutations(bases: list[Comparison], options: argparse.Namespace, runner: Runner) -> Iterator[Comparison]:
    by_package = {one.package: one for one in bases}
    formats = {one.package: one.format for one in bases}
    for number in range(options.mutations):
        changed = runner.scratch / 'changed'
        made = mutate.make(options.seed, number, formats, changed)
        if made is None:
            break
        package, copy, mutation = made
        base = by_package[package]
        reference, assay = runner.reports(copy, base.format)
        shutil.rmtree(changed)
        one = Comparison(package, base.format, mutation, reference, assay)
        one.reference_reaction = reactions(base.reference, reference)
        one.assay_reaction = reactions(base.assay, assay)
        one.differences = [new for new in compare(reference, assay) if not known(new, base.differences)]
        say(
            f'{number + 1}/{options.mutations} {package}: {mutation}: {reference.tool.split()[0]} '
            f'{one.reference_reaction}, assay {one.assay_reaction}; {count(one.differences)}'
        )
        yield one


def known(difference: Difference, before: list[Difference]) -> bool:
    """Whether the unchanged package has the difference too. Times are ignored, because they differ in each run."""
    same = (difference.kind, difference.subject, difference.reason)
    return any((one.kind, one.subject, one.reason) == same for one in before)


def show(comparisons: list[Comparison]) -> None:
    rows = [(comparison, one) for comparison in comparisons for one in comparison.differences if not one.reason]
    for comparison, one in rows:
        where = comparison.package + (f' [{comparison.mutation}]' if comparison.mutation else '')
        print(f'{one.kind:<10} {where}: {one.subject}')
        print(f'    {comparison.reference.tool.split()[0]:<12} {short(one.reference)}')
        print(f'    {"assay":<12} {short(one.assay)}')
    kinds = Counter(one.kind for _, one in rows)
    reasons = Counter(one.reason for comparison in comparisons for one in comparison.differences if one.reason)
    print()
    for reason, number in reasons.most_common():
        print(f'{number:>5} explained: {reason}')
    mutations = sum(bool(one.mutation) for one in comparisons)
    judged = sum(len(one.assay.submissions) for one in comparisons)
    print(
        f'{len(comparisons) - mutations} packages and {mutations} mutations with {judged} submissions compared; '
        f'{len(rows)} differences without a known reason: '
        + (', '.join(f'{number} {kind}' for kind, number in kinds.most_common()) or 'none')
    )


def short(text: str) -> str:
    line = ' '.join(text.split())
    return line if len(line) <= 300 else line[:300] + '…'


def count(differences: list[Difference]) -> str:
    to_look_at = sum(not one.reason for one in differences)
    explained = len(differences) - to_look_at
    return f'{to_look_at} differences' + (f', {explained} explained' if explained else '')


def say(text: str) -> None:
    print(f'reference: {text}', file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
