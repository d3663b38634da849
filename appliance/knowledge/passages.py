"""One file of the knowledge folder as passages: Markdown by heading, text by title, csv by row."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt

from appliance.domain.draft import Passage

LONGEST: Final = 1500
"""Characters of a passage; a longer section is cut between paragraphs or table rows."""

_FRONT_MATTER: Final = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL)
_ENTRY: Final = re.compile(r"^[ \t]*【([^】\n]+)】[ \t]*", re.MULTILINE)
_RULE: Final = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t:|-]*)?")
_SEPARATORS: Final = (",", ";", "\t")
_ARROW: Final = " › "


def markdown_passages(name: str, text: str) -> tuple[Passage, ...]:
    """A passage for each heading with text under it; ``name`` is the file's path in the folder.

    The source names the nearest heading as written; the text begins with all headings around it.
    """
    body = _FRONT_MATTER.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines = body.split("\n")
    found: list[Passage] = []
    path: list[tuple[int, str]] = []
    start = 0
    for level, title, first, after in _headings(body):
        found.extend(_section(name, [heading for _, heading in path], lines[start:first]))
        path = [(depth, heading) for depth, heading in path if depth < level]
        path.append((level, title))
        start = after
    found.extend(_section(name, [heading for _, heading in path], lines[start:]))
    return tuple(found)


def text_passages(name: str, text: str) -> tuple[Passage, ...]:
    """A passage for each 【title】 that begins a line, and one for what stands before the first."""
    before, *entries = _ENTRY.split(text)
    found = list(_section(name, [], before.split("\n")))
    for title, body in zip(entries[::2], entries[1::2], strict=True):
        found.extend(_section(name, [title.strip()], body.split("\n")))
    return tuple(found)


def csv_passages(name: str, text: str) -> tuple[Passage, ...]:
    """A passage for each row, named by its first cell; each value stands behind its column's name.

    The first row holds the names; comma, semicolon and tab are told apart by it.

    Raises:
        csv.Error: this is no csv.
    """
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    columns = [cell.strip() for cell in next(rows, [])]
    found = []
    for row in rows:
        cells = [cell.strip() for cell in row]
        # Short and long rows happen; what has no column's name is kept as it is.
        names = [*columns, *[""] * len(cells)]
        values = [
            f"{column}: {cell}" if column else cell
            for column, cell in zip(names, cells, strict=False)
            if cell
        ]
        if values:
            found.append(Passage(source=_source(name, cells[0]), text="\n".join(values)))
    return tuple(found)


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """``(level, title, first line, line after)`` of each heading outside lists, quotes and code."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield int(token.tag[1:]), inline.content.strip(), token.map[0], token.map[1]


def _section(name: str, path: list[str], lines: list[str]) -> Iterator[Passage]:
    body = "\n".join(line.rstrip() for line in lines).strip("\n")
    if not body.strip():
        return
    source = _source(name, path[-1] if path else "")
    title = _ARROW.join(heading for heading in path if heading)
    for piece in _pieces(body):
        yield Passage(source=source, text=f"{title}\n{piece}" if title else piece)


def _pieces(body: str) -> Iterator[str]:
    """``body`` in pieces of at most about ``LONGEST``; a cut table gets its head again."""
    piece: list[str] = []
    head: list[str] = []
    size = 0
    lines = _cut(body)
    for at, line in enumerate(lines):
        if _RULE.fullmatch(line) and "|" in line and at:
            head = [lines[at - 1], line]
        elif "|" not in line:
            head = []
        if piece and size + len(line) > LONGEST:
            yield "\n".join(piece).strip("\n")
            piece = [] if line in head else list(head)
            size = sum(len(kept) for kept in piece)
        piece.append(line)
        size += len(line) + 1
    if piece:
        yield "\n".join(piece).strip("\n")


def _cut(body: str) -> list[str]:
    """Lines of ``body``, those longer than a passage cut."""
    return [
        line[start : start + LONGEST]
        for line in body.split("\n")
        for start in range(0, max(len(line), 1), LONGEST)
    ]


def _source(name: str, heading: str) -> str:
    return f"{name}#{heading}" if heading else name
