"""Parts a mail into what its sender wrote now, what they quote, and what is signature."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Final

from appliance.mailbox.attribution import announces, attribution_length, header_block
from appliance.mailbox.footers import is_banner
from appliance.mailbox.signature import delimiter, end_of_text

_MARK: Final = re.compile(r"\s{0,3}(?:[>＞|]\s?){1,20}")
_QUOTE_MARK: Final = re.compile(r"\s{0,3}[>＞]")
_WRAPPED: Final = 60


class Kind(IntEnum):
    """Whose line it is; of two opinions about a line the greater one holds."""

    OWN = 0
    SIGNATURE = 1
    QUOTED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One clean line and what is known of it so far."""

    text: str
    kind: Kind = Kind.OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """The three parts of a mail's text; each may be empty."""

    question: str
    quoted: str
    signature: str


def part(lines: Sequence[Line]) -> Parting:
    """Parts clean, clamped lines; time is linear in their number.

    What the structure of the HTML said (``Line.kind``) holds; patterns add to it: ">" marks,
    attributions, copied headers, delimiters, closings with contacts below, footers. Own lines
    between and below quoted ones are the sender's answers and stay in the question, in order.
    """
    texts = [line.text for line in lines]
    kinds = [line.kind for line in lines]
    _mark_quotes(texts, kinds)
    _mark_wrapped(texts, kinds)
    _mark_banners(texts, kinds)
    _mark_signatures(texts, kinds)
    return Parting(
        question=_joined(texts, kinds, Kind.OWN),
        quoted=_joined(texts, kinds, Kind.QUOTED),
        signature=_joined(texts, kinds, Kind.SIGNATURE),
    )


def _mark_quotes(texts: Sequence[str], kinds: list[Kind]) -> None:
    at = 0
    while at < len(texts):
        if _QUOTE_MARK.match(texts[at]):
            kinds[at] = Kind.QUOTED
        elif announces(texts[at]) or header_block(texts, at):
            start = _with_rule_above(texts, at)
            kinds[start:] = [Kind.QUOTED] * (len(kinds) - start)
            return
        elif length := attribution_length(texts, at):
            kinds[at : at + length] = [Kind.QUOTED] * length
            if not _quote_follows(texts, kinds, at + length):
                kinds[at:] = [Kind.QUOTED] * (len(kinds) - at)
                return
            at += length - 1
        at += 1


def _with_rule_above(texts: Sequence[str], at: int) -> int:
    """``at``, or the place of the ruled line that Outlook puts above a copied header."""
    above = at - 1
    while above >= 0 and not texts[above].strip():
        above -= 1
    return above if above >= 0 and re.fullmatch(r"\s*[_-]{5,80}\s*", texts[above]) else at


def _quote_follows(texts: Sequence[str], kinds: Sequence[Kind], at: int) -> bool:
    for place in range(at, min(at + 6, len(texts))):
        if texts[place].strip():
            return kinds[place] is Kind.QUOTED or _QUOTE_MARK.match(texts[place]) is not None
    return False


def _mark_wrapped(texts: Sequence[str], kinds: list[Kind]) -> None:
    """A quoted line that a relay broke leaves its end without a mark: it belongs to the quote."""
    for at in range(1, len(texts) - 1):
        above, line, below = texts[at - 1 : at + 2]
        if (
            kinds[at] is Kind.OWN
            and kinds[at - 1] is Kind.QUOTED
            and kinds[at + 1] is Kind.QUOTED
            and len(above) >= _WRAPPED
            and below.strip()
            and 0 < len(line) < _WRAPPED
            and line[:1].islower()
        ):
            kinds[at] = Kind.QUOTED


def _mark_banners(texts: Sequence[str], kinds: list[Kind]) -> None:
    for at, text in enumerate(texts):
        if text.strip():
            if not is_banner(text):
                return
            kinds[at] = Kind.SIGNATURE


def _mark_signatures(texts: Sequence[str], kinds: list[Kind]) -> None:
    """Looks at each run of own lines; blank lines belong to the run around them."""
    at = 0
    for kind, group in groupby(kinds[:]):
        size = len(list(group))
        if kind is Kind.OWN:
            run = texts[at : at + size]
            end = next((place for place in range(size) if delimiter(run, place)), size)
            end = min(end, end_of_text(run[:end]))
            kinds[at + end : at + size] = [Kind.SIGNATURE] * (size - end)
        at += size


def _joined(texts: Sequence[str], kinds: Sequence[Kind], kind: Kind) -> str:
    """The lines of one kind; a blank line where others stood between them."""
    out: list[str] = []
    gap = False
    for text, own in zip(texts, kinds, strict=True):
        if own is not kind:
            gap = True
            continue
        if gap and out and out[-1]:
            out.append("")
        gap = False
        line = _unmarked(text) if kind is Kind.QUOTED else text
        if line.strip() or (out and out[-1]):
            out.append(line.rstrip())
    return "\n".join(out).strip("\n")


def _unmarked(text: str) -> str:
    mark = _MARK.match(text)
    return text[mark.end() :] if mark else text
