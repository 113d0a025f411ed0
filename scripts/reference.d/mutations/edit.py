"""Edits that several mutations share. Each returns a description, or None if there is nothing to edit."""

from __future__ import annotations

import random
import re
from pathlib import Path

BOM = b'\xef\xbb\xbf'


def files(root: Path, pattern: str) -> list[Path]:
    return sorted(one for one in root.glob(pattern) if one.is_file() and not one.is_symlink())


def pick(root: Path, rng: random.Random, *patterns: str) -> Path | None:
    found = [one for pattern in patterns for one in files(root, pattern)]
    return rng.choice(found) if found else None


def name(root: Path, path: Path) -> str:
    return str(path.relative_to(root))


def text(path: Path) -> str:
    return path.read_bytes().decode('utf-8', 'surrogateescape')


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode('utf-8', 'surrogateescape'))


def set_key(path: Path, key: str, value: str) -> str:
    """Sets a top-level key of a YAML file, replacing its old value."""
    content = text(path) if path.is_file() else ''
    block = re.compile(rf'^{re.escape(key)}:.*\n?(?:[ \t#-].*\n?)*', re.M)
    content = block.sub('', content)
    if content and not content.endswith('\n'):
        content += '\n'
    write(path, f'{content}{key}: {value}\n')
    return f'{path.name} {key}: {value!r}'


def append(path: Path, lines: str) -> str:
    content = text(path) if path.is_file() else ''
    if content and not content.endswith('\n'):
        content += '\n'
    write(path, content + lines)
    return f'{path.name} + {lines.strip()!r}'


def keys(path: Path) -> list[str]:
    return re.findall(r'^([\w-]+):', text(path), re.M)


def drop_key(path: Path, rng: random.Random) -> str | None:
    found = keys(path)
    if not found:
        return None
    key = rng.choice(found)
    block = re.compile(rf'^{re.escape(key)}:.*\n?(?:[ \t#-].*\n?)*', re.M)
    write(path, block.sub('', text(path), count=1))
    return f'{path.name} - {key}'


def repeat_key(path: Path, rng: random.Random) -> str | None:
    found = re.findall(r'^[\w-]+: *[^\s{\[|>&].*$', text(path), re.M)
    if not found:
        return None
    return append(path, rng.choice(found) + '\n')


def prepend_bom(path: Path) -> None:
    path.write_bytes(BOM + path.read_bytes())


def to_crlf(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n'))


def subfolders(root: Path, pattern: str) -> list[Path]:
    return sorted(one for one in root.glob(pattern) if one.is_dir() and not one.is_symlink())
