"""From the bodies of a mail to its visible text: the plain and the HTML form side by side."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from appliance.mailbox.clean import MAX_LINES, MAX_TEXT, clean
from appliance.mailbox.quotes import Kind, Line, Parting, part
from appliance.mailbox.render import render

_UNSEEN_LEAST: Final = 12
_UNSEEN_LINES: Final = 200
_NOTE_LINES: Final = 2
_LINK: Final = re.compile(
    r"<?\b(?:https?|mailto|tel|cid):[^\s<>\]]{1,2000}>?|\[(?:cid|image):[^\]\n]{0,200}\]",
    re.IGNORECASE,
)
_PGP_HEAD: Final = "-----BEGIN PGP SIGNED MESSAGE-----"
_PGP_SIGNATURE: Final = "-----BEGIN PGP SIGNATURE-----"
_PGP_SEALED: Final = "-----BEGIN PGP MESSAGE-----"
_ARMOUR: Final = re.compile(r"(?:Hash|Charset|NotDashEscaped|Comment|Version):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One text part, decoded: ``media_type`` is text/plain or text/html."""

    text: str
    media_type: str = "text/plain"
    flowed: bool = False
    delete_space: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the bodies say, every text clean."""

    text: str
    parting: Parting
    hidden: tuple[str, ...] = ()
    oddities: frozenset[str] = frozenset()


def read_bodies(plain: Sequence[Body], html: Sequence[Body]) -> Reading:
    """The visible text of a mail whose plain and HTML bodies say the same, either may be empty.

    A person sees the HTML. The plain form serves where both agree, since it keeps ">" marks; of
    two partings of the same text the one that recognised more as quote or signature is taken.
    Lines of a plain form that the HTML does not show count as hidden (``parts_differ``).
    """
    if not html:
        return _read_plain(plain)
    shown = _read_html(html)
    if not any(body.text.strip() for body in plain):
        return shown
    other = _read_plain(plain)
    if not shown.text:
        return _with(other, hidden=shown.hidden, oddities=shown.oddities)
    unseen = _unseen(other.parting.question, shown)
    differ = {"parts_differ"} if unseen else set()
    chosen = other if not unseen and _plain_serves(other, shown) else shown
    return _with(
        chosen,
        hidden=(*shown.hidden, *unseen),
        oddities=shown.oddities | other.oddities | differ,
    )


def _with(reading: Reading, *, hidden: tuple[str, ...], oddities: Iterable[str]) -> Reading:
    return Reading(
        text=reading.text,
        parting=reading.parting,
        hidden=hidden,
        oddities=reading.oddities | frozenset(oddities),
    )


def _read_plain(bodies: Sequence[Body]) -> Reading:
    lines: list[Line] = []
    secret = False
    for body in bodies:
        text = _unflowed(body) if body.flowed else body.text
        secret = secret or _PGP_SEALED in text[:2_000]
        lines.extend(_unarmoured(text))
    return _reading(lines, secret=secret)


def _read_html(bodies: Sequence[Body]) -> Reading:
    lines: list[Line] = []
    hidden: list[str] = []
    odd: set[str] = set()
    for body in bodies:
        page = render(body.text)
        lines.extend(page.lines)
        if page.truncated:
            odd.add("truncated")
        for item in page.hidden:
            cleaned = clean(item)
            odd.update(cleaned.oddities)
            if any(character.isalnum() for character in cleaned.text):
                hidden.append(cleaned.text)
    secret = any(_PGP_SEALED in line.text for line in lines[:20])
    reading = _reading(lines, secret=secret)
    return _with(reading, hidden=tuple(hidden), oddities=odd)


def _reading(lines: Sequence[Line], *, secret: bool) -> Reading:
    cleaned, odd = _cleaned(lines)
    text = "\n".join(line.text for line in cleaned).strip("\n")
    if secret:
        return Reading(
            text=text,
            parting=Parting(question="", quoted="", signature=""),
            oddities=odd | {"encrypted"},
        )
    return Reading(text=text, parting=part(cleaned), oddities=odd)


def _cleaned(lines: Sequence[Line]) -> tuple[list[Line], frozenset[str]]:
    """The lines clamped and clean; neighbours of one kind are cleaned as one text."""
    out: list[Line] = []
    odd: set[str] = set()
    if len(lines) > MAX_LINES * 2:
        odd.add("truncated")
    for kind, group in groupby(lines[: MAX_LINES * 2], key=lambda line: line.kind):
        cleaned = clean("\n".join(line.text for line in group) + "\n\n")
        odd.update(cleaned.oddities)
        if out and out[-1].text and kind is not out[-1].kind:
            out.append(Line(text="", kind=kind))
        out.extend(Line(text=text, kind=kind) for text in cleaned.text.split("\n"))
    if len(out) > MAX_LINES:
        odd.add("truncated")
    return out[:MAX_LINES], frozenset(odd)


def _unarmoured(text: str) -> Iterator[Line]:
    """The lines of a plain text; of a clear-signed one (RFC 9580 §7) those that were signed."""
    lines = text[:MAX_TEXT].splitlines()
    signed = kind = None
    for line in lines:
        bare = line.strip()
        if bare == _PGP_HEAD:
            signed = "head"
        elif signed == "head":
            signed = "head" if _ARMOUR.match(bare) else "text"
        elif signed and bare == _PGP_SIGNATURE:
            kind = Kind.SIGNATURE
            yield Line(text=line, kind=kind)
        elif bare == _PGP_SIGNATURE.replace("BEGIN", "END"):
            yield Line(text=line, kind=Kind.SIGNATURE)
            signed = kind = None
        else:
            dashed = signed and kind is None and line.startswith("- ")
            yield Line(text=line[2:] if dashed else line, kind=kind or Kind.OWN)


def _unflowed(body: Body) -> str:
    """The text with its soft line breaks joined (RFC 3676 §4.1 and §4.4)."""
    out: list[str] = []
    soft, depth = False, 0
    for line in body.text[:MAX_TEXT].splitlines():
        content = line.lstrip(">")
        marks = len(line) - len(content)
        content = content.removeprefix(" ")
        delimiter = content == "-- "
        if soft and marks == depth and not delimiter:
            out[-1] = (out[-1][:-1] if body.delete_space else out[-1]) + content
        else:
            out.append(f"{'>' * marks} {content}" if marks else content)
        soft, depth = content.endswith(" ") and not delimiter, marks
    return "\n".join(out)


def _plain_serves(plain: Reading, shown: Reading) -> bool:
    mine, theirs = _core(plain.parting.question), _core(shown.parting.question)
    if mine == theirs:
        return True
    return bool(mine) and len(mine) < len(theirs) and _core(plain.text) == _core(shown.text)


def _unseen(question: str, shown: Reading) -> tuple[str, ...]:
    """What the plain form asks and the page does not show, as one item."""
    visible = _core(shown.text)
    lines = [
        line
        for line in question.split("\n")[:_UNSEEN_LINES]
        if len(core := _core(line)) >= _UNSEEN_LEAST and core not in visible
    ]
    if not lines or (len(lines) <= _NOTE_LINES and "html" in question.lower()):
        return ()
    return ("\n".join(lines),)


def _core(text: str) -> str:
    """Letters and digits only, so that markers, links and punctuation do not count."""
    folded = unicodedata.normalize("NFKC", _LINK.sub(" ", text)).casefold()
    return "".join(character for character in folded if character.isalnum())
