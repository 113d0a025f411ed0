"""Compares what a reference tool and Assay find in a package. Values in, values out."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from report import Report, Submission


@dataclass(frozen=True)
class Difference:
    # 'refusal', 'warning', 'submission', 'verdict', 'agreement', 'score' or 'limit'.
    kind: str
    # The submission, the limit, or the topic of the message.
    subject: str
    reference: str
    assay: str
    # Why the difference is accepted; the list is in docs/packages.md. Empty: not examined yet.
    reason: str = ''


# Accepted differences: the tool, its message, and the reason. The tool's message is excluded from the comparison.
EXPLAINED = [
    (
        'problemtools',
        r'^No problem statements found',
        'a missing statement does not change judging, so it is a warning',
    ),
    (
        'problemtools',
        r'^(Names exist for languages without problem statements|No problem name given in language)',
        'follows from statements that the tool does not read: Markdown in `legacy`, PDF',
    ),
    (
        'problemtools',
        r'^Submission \S+ does not match any known submissions directory',
        'DOMjudge judges submissions in other folders by @EXPECTED_RESULTS@, and the format allows other folders',
    ),
    (
        'problemtools',
        r"^Invalid (file|directory) name '|^Invalid shortname",
        'names do not change judging',
    ),
    (
        'problemtools',
        r'^Unknown key \S+ in problem\.yaml',
        'in `legacy` and the draft an unknown key is a warning, because tools add keys of their own',
    ),
    ('problemtools', r'^Include files for language "default" are not', 'the tool refuses something that the specification allows'),
    (
        'problemtools',
        r'^Directory "\w+" is not part of format version|^Found directory "\w+"',
        'a folder of another version is read if it has a meaning, and otherwise ignored',
    ),
    (
        'problemtools',
        r'^Fixed time limit .* is tighter',
        'measured on another machine; the time limit is the setter\'s',
    ),
    ('BAPCtools', r'but not statement/problem\.[\w-]+\.tex|No \\problemname found', 'the tool reads LaTeX only'),
    (
        'BAPCtools',
        r'\(ans\) \[case_sensitive, space_change_sensitive.*crashed',
        'the tool adds arguments to a validator',
    ),
    ('BAPCtools', r'[Nn]o (dedicated )?answer validators|use empty \.ans file', 'advice of the tool on answer files'),
    ('BAPCtools', r'^\S+ name does not match', 'names do not change judging'),
    ('BAPCtools', r'^Added new UUID', 'the tool writes into the package'),
    ('BAPCtools', r'Problem titles in .* differ|\.timelimit file is DEPRECATED', 'advice of the tool on style'),
    (
        'problemtools',
        r'is a deprecated name|No validator rejects|rights_owner for a problem in public domain'
        r'|^Problem name in language \w+ is empty',
        'advice of the tool on style',
    ),
    (
        'problemtools',
        r"'grader_flags: ignore_sample' is specified|is outside of expected score range"
        r'|configure a non-zero reject_score',
        'advice of the tool on how to score; scores are computed as written',
    ),
    (
        'problemtools',
        r'is only applicable for scoring problems|input_type=int|keywords\s+Input should be a valid list'
        r"|found character '\\t'|could not be decoded as utf-8",
        'the value has only one meaning, so it is read',
    ),
    (
        'problemtools',
        r'^judge answer file got|^submission .* got score',
        'a checker may reject an answer file that no submission writes; verify warns where a sample is rejected',
    ),
    (
        'BAPCtools',
        r'crashed\s+Exit code 0, did you forget|output_validator \(ans\).*rejected',
        'the tool starts validators in its own way, and gives them answer files as outputs',
    ),
    ('BAPCtools', r'the tool crashed|could not parse .*test_group\.yaml', 'a fault of the tool: an empty file is an empty map'),
    ('BAPCtools', r'not supported by BAPCtools|for invalid files validation in interactive', 'the tool does not support it'),
    ('', r'@EXPECTED_RESULTS@ in submission .* is ignored', 'Assay ignores it too'),
    ('problemtools', r"'int' object has no attribute|input_value=\['scoring'\]", 'the value has only one meaning, so it is read'),
    ('problemtools', r'does not contain any testcases', 'an empty group has nothing to judge'),
]

# Why Assay accepts a package with a warning that the tool refuses with an error of the same topic.
WARNED = 'only errors that make judging wrong or unsafe are refused; the rest are warnings'

# Errors and warnings of Assay that need no counterpart: the tool, the message, and the reason.
OURS_EXPLAINED = [
    ('DMOJ', r'there is no statement', 'the judge of DMOJ reads no statements'),
    ('DMOJ', r'`(time|memory)` differs', 'limits of a problem are in the database of DMOJ\'s site'),
    ('', r'is ignored: the installation sets it', 'the tool takes these limits from the package'),
    (
        '',
        r'there are no test cases|`points` is|a number of at least 0|is not used: problem.yaml has no `validation`'
        r"|belongs to the older format|has no (input|answer)|`batched` is a list|`limits` is a list"
        r'|cannot be the name of a constant|there are no secret tests',
        'a test or a setting would be ignored when judging',
    ),
    ('DMOJ', r'is a link to', 'a pattern of init.yml may take any file for a test'),
    ('BAPCtools', r'implies no known verdict', 'the name of the folder means nothing in 2025-09'),
    (
        '',
        r'the checker \w+ (compares|counts)|so the package.s name is used|has no `out`|unknown key'
        r'|occurs twice, and the last one counts|`(grading|@EXPECTED_RESULTS@)` is ignored|`skip` is set',
        'the tool reads it in the same way, without a message',
    ),
]

# Accepted differences of verdicts: the tool, its verdict, its detail, Assay's verdict, and the reason.
VERDICTS_EXPLAINED = [
    ('problemtools', 'AC 0', '', 'WA', 'a submission without points is shown as WRONG_ANSWER; it is compared with its folder like the tool'),
    ('problemtools', 'RTE', 'Main method not found', 'AC', 'the class that has a main is run, as in BAPCtools and Kattis'),
    ('problemtools', 'OLE', '', 'OLE', 'DOMjudge reads @EXPECTED_RESULTS@ in every folder'),
    ('BAPCtools', 'AC', 'Validator exited first with AC', 'WA', 'the tool stops reading when its validator has ended'),
    ('DMOJ', 'JE', 'internal error', 'PARTIAL', 'a fault of the tool'),
    ('DMOJ', 'RTE', 'IR, expecting WA', 'WA', 'in DMOJ, crash or wrong answer depends on which program ends first'),
]

# Topics of messages, so that warnings with different words can be compared. The first match counts.
TOPICS = [
    ('uuid', r'uuid'),
    ('license', r'[Ll]icen[sc]e|rights_owner|public domain'),
    ('line ends', r"line break|does not end with|newline|CRLF"),
    ('same input twice', r'[Ii]dentical|duplicate input|same (input|md5)'),
    ('links', r'[Ss]ymlink|\blink'),
    ('names', r'[Ii]nvalid (file|directory) name|[Nn]aming rule|name (of|may|must)|shortname'),
    ('range', r'\brange\b|looser|outside of expected'),
    ('reject_score', r'reject_score'),
    ('full score', r'full score|fully accepted'),
    ('show_test_data_groups', r'show_test_data_groups|[Tt]est data groups'),
    ('time limit', r'time limit|time_limit|timelimit|timelim|[Tt]ime resolution'),
    ('samples', r'\bsample|test data files at top level'),
    ('statement', r'statement|problem name|\\problemname|LaTeX'),
    ('unknown key', r'[Uu]nknown (key|type|checker|validator flag|grader flag|expected result)|not (a )?known|found unknown|unrecognized|deprecated'),
    ('answer files', r'judge answer file|\.ans\b|answer'),
    ('validators', r'validator'),
    ('folders', r'[Dd]irectory|folder'),
    ('checker', r'checker'),
    ('grader', r'grader'),
]

# Topics of advice on style, which need no counterpart.
STYLE = {'uuid', 'license', 'line ends', 'same input twice', 'show_test_data_groups', 'full score', 'range'}


def compare(reference: Report, assay: Report) -> list[Difference]:
    found = []
    errors = unexplained(reference)
    if not assay.errors:
        found += [
            Difference('refusal', topic(one), one, 'accepted', reason_for(reference.tool, one))
            for one in reference.errors
            if one not in errors
        ]

    if bool(errors) != bool(assay.errors):
        subject = topic((errors or assay.errors)[0])
        theirs = texts(errors) or accepted(reference, subject)
        ours = texts(assay.errors) or accepted(assay, subject)
        if assay.errors:
            known = [reason_for(reference.tool, one, OURS_EXPLAINED) for one in assay.errors]
            reason = known[0] if all(known) else ''
        else:
            reason = WARNED if subject in topics(assay.warnings) and subject != 'other' else ''
        found.append(Difference('refusal', subject, theirs, ours, reason))
    found += compare_warnings(reference, assay)
    # A tool that refuses a package does not run all submissions.
    if not assay.errors and reference.submissions:
        found += compare_submissions(reference, assay)
        found += compare_limits(reference, assay)
    return found


def accepted(report: Report, subject: str) -> str:
    warning = topics(report.warnings).get(subject)
    return f'accepted with the warning: {warning}' if warning else 'accepted'


def compare_warnings(reference: Report, assay: Report) -> list[Difference]:
    theirs, ours = topics(reference.warnings), topics(assay.warnings)
    found = []
    if not assay.errors:
        for one in sorted(theirs.keys() - ours.keys() - STYLE):
            reason = reason_for(reference.tool, theirs[one])
            found.append(Difference('warning', one, theirs[one], 'nothing', reason))
    if not reference.errors:
        for one in sorted(ours.keys() - theirs.keys() - STYLE):
            reason = reason_for(reference.tool, ours[one], OURS_EXPLAINED)
            found.append(Difference('warning', one, 'nothing', ours[one], reason))
    return found


def compare_submissions(reference: Report, assay: Report) -> list[Difference]:
    found = []
    for path in sorted(reference.submissions.keys() | assay.submissions.keys()):
        theirs, ours = reference.submissions.get(path), assay.submissions.get(path)
        if theirs is None or ours is None:
            explained = [one for one in reference.errors if path in one and reason_for(reference.tool, one)]
            reason = reason_for(reference.tool, explained[0]) if explained else ''
            if ours is None and any(path in one for one in assay.warnings):
                reason = 'skipped, with a warning that names it'
            found.append(Difference('submission', path, summary(theirs), summary(ours), reason))
            continue
        if theirs.verdict is None:
            continue
        if not same_verdict(theirs, ours):
            reason = verdict_reason(reference.tool, theirs, ours)
            found.append(Difference('verdict', path, summary(theirs), summary(ours), reason))
        elif not same_score(theirs, ours):
            found.append(Difference('score', path, summary(theirs), summary(ours)))
        elif theirs.agrees is not None and theirs.agrees != ours.agrees:
            reason = verdict_reason(reference.tool, theirs, ours)
            found.append(Difference('agreement', path, summary(theirs), summary(ours), reason))
    return found


def verdict_reason(tool: str, theirs: Submission, ours: Submission) -> str:
    score = '' if theirs.score is None else f' {theirs.score:g}'
    for of, verdict, detail, our_verdict, reason in VERDICTS_EXPLAINED:
        same = verdict in (theirs.verdict, f'{theirs.verdict}{score}') and ours.verdict == our_verdict
        if tool.startswith(of) and same and detail in theirs.detail:
            return reason
    return ''


def same_verdict(theirs: Submission, ours: Submission) -> bool:
    if ours.verdict == theirs.verdict:
        return True
    if ours.verdict == 'PARTIAL':
        # problemtools shows AC with a score, DMOJ the worst verdict of the cases, BAPCtools the first that is not AC.
        return theirs.verdict == 'AC' or theirs.verdict != 'CE' and (theirs.score is None or theirs.score > 0)
    # Only DMOJ distinguishes them from other crashes.
    return {ours.verdict, theirs.verdict} in ({'RTE', 'MLE'}, {'RTE', 'OLE'})


def same_score(theirs: Submission, ours: Submission) -> bool:
    if theirs.score is None or ours.score is None:
        return True
    return math.isclose(theirs.score, ours.score, rel_tol=1e-9, abs_tol=1e-9)


def compare_limits(reference: Report, assay: Report) -> list[Difference]:
    found = []
    if reference.time_limit_ms and assay.time_limit_ms and reference.time_limit_ms != assay.time_limit_ms:
        # BAPCtools derives no limits.
        if not ('BAPCtools' in reference.tool and not reference.time_limit_given):
            reason = ''
            if assay.time_limit_given and not reference.time_limit_given:
                reason = 'problemtools reads no .timelimit and domjudge-problem.ini; DOMjudge does'
            found.append(
                Difference('limit', 'time', f'{reference.time_limit_ms} ms', f'{assay.time_limit_ms} ms', reason)
            )
    if reference.memory_kb and assay.memory_kb and reference.memory_kb != assay.memory_kb:
        found.append(Difference('limit', 'memory', f'{reference.memory_kb} KiB', f'{assay.memory_kb} KiB'))
    return found


def reactions(before: Report, after: Report) -> str:
    """How a tool reacts to a change of a package: 'refuses', 'warns', 'results change' or 'nothing'."""
    errors, old_errors = unexplained(after), unexplained(before)
    if not set(map(general, errors)) <= set(map(general, old_errors)):
        return 'refuses'
    if old_errors and not errors:
        return 'accepts'
    if not set(map(general, after.warnings)) <= set(map(general, before.warnings)):
        return 'warns'
    results = [
        {path: (one.verdict, one.score, one.agrees) for path, one in report.submissions.items()}
        for report in (before, after)
    ]
    return 'nothing' if results[0] == results[1] or errors else 'results change'


def unexplained(report: Report) -> list[str]:
    return [one for one in report.errors if not reason_for(report.tool, one)]


def general(message: str) -> str:
    """A message without the parts that change from run to run."""
    return re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}|/tmp/\S+?/|\d+', '#', message)


def reason_for(tool: str, message: str, explained=EXPLAINED) -> str:
    for of, pattern, reason in explained:
        if tool.startswith(of) and re.search(pattern, message):
            return reason
    return ''


def topic(message: str) -> str:
    return next((name for name, pattern in TOPICS if re.search(pattern, message)), 'other')


def topics(messages) -> dict[str, str]:
    found: dict[str, str] = {}
    for message in messages:
        found.setdefault(topic(message), message)
    return found


def texts(messages: list[str]) -> str:
    return '; '.join(messages[:3]) + (f'; and {len(messages) - 3} more' if len(messages) > 3 else '')


def summary(one: Submission | None) -> str:
    if one is None:
        return 'not judged'
    score = '' if one.score is None else f' {one.score:g}'
    agrees = {True: ', as expected', False: ', not as expected', None: ''}[one.agrees]
    time = '' if one.time_ms is None else f', {one.time_ms} ms'
    return f'{one.verdict}{score}{agrees}{time}' + (f' ({one.detail[:200]})' if one.detail else '')
