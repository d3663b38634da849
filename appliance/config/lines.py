"""Where in a TOML text a key stands, so that a mistake can be named with its line."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

Key = tuple[str | int, ...]
"""A path into the tree: names, and positions (from 0) in arrays of tables."""

_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_PATH: Final = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER: Final = re.compile(rf"[ \t]*(?P<open>\[\[?)[ \t]*(?P<path>{_PATH})[ \t]*\]")
_ASSIGNMENT: Final = re.compile(rf"[ \t]*(?P<path>{_PATH})[ \t]*=")
_MULTILINE: Final = ('"""', "'''")


def key_lines(text: str) -> Mapping[Key, int]:
    """The line (from 1) of every table header and every assignment outside inline tables."""
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, line in _outside_strings(text):
        if header := _HEADER.match(line):
            table = _resolved(_parts(header["path"]), counts)
            if header["open"] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_parts(assignment["path"])), number)
    return found


def nearest_line(lines: Mapping[Key, int], key: Key) -> int | None:
    """The line of ``key``, or of the closest table around it; None where neither is known."""
    for length in range(len(key), 0, -1):
        if (line := lines.get(key[:length])) is not None:
            return line
    return None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, path))


def _resolved(parts: tuple[str, ...], counts: Mapping[Key, int]) -> Key:
    """``parts`` with the position of the newest element behind every array of tables."""
    key: Key = ()
    for position, part in enumerate(parts, start=1):
        key = (*key, part)
        if position < len(parts) and key in counts:
            key = (*key, counts[key])
    return key


def _outside_strings(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that do not begin inside a multi-line string."""
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if closing is None:
            yield number, line
            closing = next((mark for mark in _MULTILINE if line.count(mark) % 2), None)
        elif closing in line:
            closing = None
