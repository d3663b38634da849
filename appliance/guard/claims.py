"""What a text states that can be checked: amounts, durations, times, dates, numbers, contacts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from appliance.guard.claim import Claim, Kind
from appliance.guard.contacts import contacts
from appliance.guard.dates import dates
from appliance.guard.fold import folded
from appliance.guard.quantities import quantities
from appliance.guard.times import times

__all__ = ["Claim", "Kind", "claims"]


def claims(text: str, today: date | None = None) -> tuple[Claim, ...]:
    """Every claim of ``text``, in order; spans are offsets into ``text``.

    Each reader takes its stretches away, so that the digits of a telephone number, a date or a time
    are not read once more as plain numbers.

    Args:
        text: as a person wrote it.
        today: the day that tomorrow and 明天 are counted from; None leaves such words alone.
    """
    found: list[Claim] = []
    plain = folded(text)
    for reader in (contacts, lambda rest: dates(rest, today), times, quantities):
        read = tuple(reader(plain))
        plain = "".join(_masked(plain, tuple(claim for claim in read if not claim.weak)))
        found += read
    return tuple(sorted((_trimmed(text, claim) for claim in found), key=lambda claim: claim.span))


def _trimmed(text: str, claim: Claim) -> Claim:
    """``claim`` without the blanks around it."""
    start, end = claim.span
    word = text[start:end]
    start += len(word) - len(word.lstrip())
    return replace(claim, span=(start, start + len(word.strip())))


def _masked(text: str, read: tuple[Claim, ...]) -> Iterator[str]:
    """``text`` with every read stretch blotted out, as long as before."""
    position = 0
    for claim in sorted(read, key=lambda item: item.span):
        start, end = max(claim.span[0], position), max(claim.span[1], position)
        yield text[position:start]
        yield "\0" * (end - start)
        position = end
    yield text[position:]
