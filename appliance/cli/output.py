"""What the verbs print: JSON lines for scripts, aligned columns for people."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

WIDE = frozenset("WF")


def print_json(value: object) -> None:
    """One line of JSON, readable Chinese."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def width(text: str) -> int:
    """Columns of ``text`` in a terminal (UAX #11: wide and full-width count twice)."""
    return sum(2 if unicodedata.east_asian_width(sign) in WIDE else 1 for sign in text)


def fitted(text: str, columns: int) -> str:
    """``text`` on one line in exactly ``columns`` columns, cut with … where it is longer."""
    flat = " ".join(text.split())
    if width(flat) > columns:
        kept = ""
        for sign in flat:
            if width(kept + sign) > columns - 1:
                break
            kept += sign
        flat = kept + "…"
    return flat + " " * (columns - width(flat))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str, int]]) -> None:
    """Rows as aligned columns.

    Args:
        rows: one mapping a row.
        columns: ``(key, title, columns on the screen)`` from left to right.
    """
    print("  ".join(fitted(title, size) for _, title, size in columns).rstrip())
    for row in rows:
        cells = (fitted(_cell(row.get(key)), size) for key, _, size in columns)
        print("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    return "" if value is None else str(value)
