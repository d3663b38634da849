"""What of a thread and its passages fits into the engine's context."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from appliance.domain.mail import Tokens

TEMPLATE: Final = Tokens(48)
"""Reserved for the chat template around the two turns, and for tokens that merge at seams."""

PASSAGE_SHARE: Final = 0.65
"""Of the room beside the newest mail, what passages may take while older turns wait for some."""

_IDENTIFIERS: Final = re.compile(
    r"""
    [\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+                          # a mail address
    | \b(?=[\w-]*\d)[A-Z]{1,6}[-_]?\d[\dA-Z]*(?:-[\dA-Z]+)*\b   # an order, invoice or model number
    | [£€$¥￥]\s?\d[\d.,]*\d?|\b\d[\d.,]*\s?(?:元|€|£|\$|EUR\b|GBP\b|RMB\b|CNY\b)
    | \d{4}[-/.]\d{1,2}[-/.]\d{1,2}|(?:\d{4}年)?\d{1,2}月\d{1,2}[日号號]
    | \b\d{1,2}\.?\s(?:Jan|Feb|Mar|Apr|Ma[iy]|Ju[nl]|Aug|Sep|O[ck]t|Nov|De[cz])\w{0,7}(?:\s\d{4})?
    | \b\d{8,}\b
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much the engine can take.

    Attributes:
        context: tokens of prompt and completion together.
        count: tokens of a text as plain text.
        today: the day the mail was written, for questions that speak of tomorrow or next Friday.
    """

    context: Tokens
    count: Callable[[str], Tokens]
    today: date | None = None


def leading(blocks: Iterable[str], room: int, count: Callable[[str], Tokens]) -> list[str]:
    """The first of ``blocks`` that fit into ``room`` tokens; stops at the first that does not."""
    kept: list[str] = []
    for block in blocks:
        room -= count(block) + 1
        if room < 0:
            break
        kept.append(block)
    return kept


def clipped(text: str, room: int, count: Callable[[str], Tokens]) -> str:
    """The longest head of ``text``, in whole lines, that fits into ``room`` tokens."""
    lines = text.split("\n")
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        if count("\n".join(lines[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    return "\n".join(lines[:low])


def identifiers(texts: Sequence[str], known: str, limit: int = 20) -> tuple[str, ...]:
    """Order numbers, dates, amounts, addresses in ``texts`` and not in ``known``, newest last."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _IDENTIFIERS.finditer(text):
            word = " ".join(match.group().split()).rstrip(".,")
            if word not in known:
                found.pop(word, None)
                found[word] = None
    return tuple(found)[-limit:]
