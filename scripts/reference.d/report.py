"""The report of a tool about a package, in the same form for every tool."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Submission:
    # AC, WA, PARTIAL, TLE, RTE, MLE, OLE, CE or JE. None: the tool has no compiler for it.
    verdict: str | None = None
    # Points. None: the problem is not scored, or the tool computes no score.
    score: float | None = None
    # Whether the result is what the package expects. None: the tool does not compare.
    agrees: bool | None = None
    time_ms: int | None = None
    detail: str = ''


@dataclass
class Report:
    tool: str
    # Reasons to refuse the package, apart from results of submissions.
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    # Keys are paths below `submissions/`; for DMOJ, below the package.
    submissions: dict[str, Submission] = field(default_factory=dict)
    time_limit_ms: int | None = None
    # Whether the package gives the time limit. False: it is derived from measured times.
    time_limit_given: bool = True
    # In KiB. None: the package gives no limit, and the tools' defaults differ.
    memory_kb: int | None = None
    # Why the tool cannot judge such packages at all. Empty: it can.
    unsupported: str = ''

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @staticmethod
    def read(path: Path) -> Report:
        return Report.from_json(json.loads(path.read_text()))

    @staticmethod
    def from_json(value: dict) -> Report:
        submissions = {path: Submission(**one) for path, one in value.pop('submissions').items()}
        return Report(**value, submissions=submissions)
