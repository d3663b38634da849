"""The header block: names, decoded values, ids, correspondents and the date, however broken."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import Message as Part
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final

from appliance.domain.mail import Address, Correspondent, MessageId
from appliance.mailbox.charset import decode_header
from appliance.mailbox.clean import MAX_HEADER, one_line

MAX_IDS: Final = 200
MAX_PEOPLE: Final = 200

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
_BRACKETED: Final = re.compile(r"<([^<>\s]{1,990})>")
_BARE: Final = re.compile(r"[^<>\s,;]{1,990}")
_ADDRESS: Final = re.compile(r"[^\s<>\"(),:;@\[\]]{1,200}@[^\s<>\"(),:;@]{1,200}")
_SOUND: Final = re.compile(r"[^<>\s]{0,300}@[^<>\s]{0,300}")
_YEARS: Final = range(1970, 2200)

Fields = tuple[tuple[str, str], ...]
"""``(lower-cased name, unfolded value with encoded words and surrogate escapes)`` in order."""


def raw_fields(part: Part) -> Fields:
    """The header fields of a parsed part as they stand, unfolded and cut at ``MAX_HEADER``."""
    return tuple(
        (one_line(str(name)).lower(), _FOLD.sub("", str(value)[: 2 * MAX_HEADER])[:MAX_HEADER])
        for name, value in part.raw_items()
    )


def decoded(fields: Fields, charset: str | None) -> Fields:
    """The fields as ``Message.headers`` holds them."""
    return tuple((name, one_line(decode_header(value, charset))) for name, value in fields)


def values(fields: Fields, name: str) -> tuple[str, ...]:
    """Every value of the header ``name`` (lower-case)."""
    return tuple(value for key, value in fields if key == name)


def ids(values: Iterable[str]) -> tuple[MessageId, ...]:
    """The Message-IDs (RFC 5322 §3.6.4) in the values, without brackets, each once, in order.

    A value without any bracket counts as one bare id where it holds an at sign. Beyond ``MAX_IDS``
    the first and the newest are kept.
    """
    found: dict[MessageId, None] = {}
    for value in values:
        texts = _BRACKETED.findall(value)
        if not texts and "@" in value:
            texts = [text for text in _BARE.findall(value) if "@" in text][:1]
        for text in texts:
            clean = one_line(text).replace(" ", "")
            if clean:
                found[MessageId(clean)] = None
    every = tuple(found)
    return every if len(every) <= MAX_IDS else (every[0], *every[1 - MAX_IDS :])


def correspondents(values: Iterable[str], charset: str | None) -> tuple[Correspondent, ...]:
    """The people in From, To, Cc or Reply-To values (RFC 5322 §3.4), at most ``MAX_PEOPLE``.

    Names are decoded after the addresses were told apart, so that a comma inside an encoded name
    splits nothing. What has no at sign is left out.
    """
    people: list[Correspondent] = []
    for value in values:
        for name, address in _pairs(value):
            if len(people) < MAX_PEOPLE and "@" in address:
                people.append(
                    Correspondent(
                        name=one_line(decode_header(name, charset)).strip("\"' "),
                        address=Address(_plain(address)),
                    )
                )
    return tuple(people)


def date(value: str | None) -> datetime | None:
    """An aware date (RFC 5322 §3.3), UTC where it names no zone; None where it makes no sense."""
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value[:200])
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return aware if aware.astimezone(UTC).year in _YEARS else None
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def _pairs(value: str) -> list[tuple[str, str]]:
    try:
        pairs = [pair for pair in getaddresses([value]) if _SOUND.fullmatch(pair[1])]
    except (MessageError, ValueError, TypeError, IndexError, AttributeError, RecursionError):
        pairs = []
    if pairs:
        return pairs
    bracketed = re.search(r"<([^<>]{3,400})>", value)
    if bracketed and "@" in bracketed[1]:
        return [(value[: bracketed.start()], bracketed[1])]
    return [("", address) for address in _ADDRESS.findall(value)[:MAX_PEOPLE]]


def _plain(address: str) -> str:
    return one_line(decode_header(address)).replace(" ", "").lower()
