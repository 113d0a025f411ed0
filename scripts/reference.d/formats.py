"""Detects the format of a package, and lists the reference tool of each format."""

from __future__ import annotations

import re
from pathlib import Path

# By format: the driver in drivers/, or None.
DRIVERS = {
    'legacy': 'kattis',
    'legacy-icpc': 'kattis',
    '2023-07-draft': 'kattis',
    '2025-09': 'icpc',
    'dmoj': 'dmoj_judge',
    'polygon': None,
    'fps': None,
}

NO_TOOL = {
    'polygon': 'Polygon is a web site; no tool that reads its packages is published',
    'fps': 'no tool that checks Free Problem Sets is published',
}


def format_of(package: Path) -> str | None:
    if (package / 'problem.yaml').is_file():
        text = (package / 'problem.yaml').read_bytes().decode('utf-8', 'replace')
        version = re.search(r'^problem_format_version:\s*[\'"]?([\w.-]+)', text, re.M)
        name = version.group(1) if version else 'legacy'
        return {'2023-07': '2023-07-draft', 'draft': '2023-07-draft'}.get(name, name)
    if (package / 'init.yml').is_file():
        return 'dmoj'
    if (package / 'problem.xml').is_file():
        return 'polygon'
    if any(package.glob('*.xml')):
        return 'fps'
    return None


def beyond_tool(package: Path, package_format: str) -> str:
    """The feature of the package that the format allows and the reference tool lacks. Empty: none."""
    if (package / 'assay/snippets').is_dir():
        return 'no other tool joins the snippets of Assay to a submission'
    if DRIVERS[package_format] == 'kattis':
        if contains(package, 'data/**/testdata.yaml', r'_validator_flags:\s*(\{|\n\s+\w+:)'):
            return 'problemtools reads validator flags as a text only'
        validators = package / 'output_validators'
        if validators.is_dir() and sum(one.suffix not in {'.h', '.hpp'} for one in validators.iterdir()) > 1:
            return 'problemtools runs the first of several output validators only'
    if DRIVERS[package_format] == 'icpc':
        if (package / 'include/default').is_dir():
            return 'BAPCtools knows no include/default'
        if any(package.glob('data/**/*.files')):
            return 'BAPCtools gives a test no files'
        if contains(package, 'submissions/**/*', r'\{\{\w+\}\}') or contains(package, 'include/**/*', r'\{\{\w+\}\}'):
            return 'BAPCtools puts no constants into submissions'
    return ''


def contains(package: Path, files: str, pattern: str) -> bool:
    return any(
        re.search(pattern, one.read_bytes().decode('utf-8', 'replace')) for one in package.glob(files) if one.is_file()
    )
