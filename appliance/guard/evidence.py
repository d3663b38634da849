"""What is known: everything that passages, the thread and the office state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from appliance.guard.claim import Claim, Kind
from appliance.guard.claims import claims
from appliance.guard.contacts import host
from appliance.guard.fold import folded

_PLAIN: Final = frozenset({Kind.AMOUNT, Kind.PERCENTAGE, Kind.DISCOUNT, Kind.DURATION, Kind.NUMBER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The claims of some texts, ready to be asked.

    Attributes:
        text: the texts, folded.
        packed: the same without blanks, hyphens and underscores, for codes.
        claims: every claim, weak ones included.
    """

    text: str
    packed: str
    claims: tuple[Claim, ...]
    today: date | None

    def supports(self, claim: Claim) -> bool:
        """Whether one of the claims says the same as ``claim``."""
        if claim.kind is Kind.CODE:
            return claim.value[0] in self.packed
        if claim.kind is Kind.WEEKDAY:
            return claim.value[0] in self._weekdays()
        return any(same(claim, known) for known in self.claims)

    def hosts(self) -> frozenset[str]:
        """Hosts of the web addresses."""
        return frozenset(host(claim.value[0]) for claim in self.claims if claim.kind is Kind.URL)

    def _weekdays(self) -> frozenset[str]:
        named = {claim.value[0] for claim in self.claims if claim.kind is Kind.WEEKDAY}
        for claim in self.claims:
            if claim.kind is Kind.DATE:
                named.update(weekdays(claim, self.today))
        return frozenset(named)


def stated(parts: Iterable[tuple[str, date | None]], today: date | None) -> Stated:
    """What ``parts`` state, each counted from its own day; ``today`` is the newest mail's day."""
    pairs = [(text, day) for text, day in parts if text]
    text = "\n".join(folded(text) for text, _ in pairs)
    packed = text.translate({ord(mark): None for mark in " -_\u00a0"})
    known = [claim for part, day in pairs for claim in claims(part, day)]
    return Stated(text=text, packed=packed, claims=tuple(known), today=today)


def joined(first: Stated, second: Stated) -> Stated:
    """What either states."""
    return Stated(
        text=f"{first.text}\n{second.text}",
        packed=f"{first.packed}\n{second.packed}",
        claims=first.claims + second.claims,
        today=first.today,
    )


def same(claim: Claim, known: Claim) -> bool:
    """Whether ``known`` says what ``claim`` says; a number without a unit may stand for any."""
    if claim.kind is Kind.DATE:
        return known.kind is Kind.DATE and _same_day(claim.value[0], known.value[0])
    if claim.kind not in _PLAIN:
        return claim.kind is known.kind and not set(claim.value).isdisjoint(known.value)
    if known.kind not in _PLAIN:
        return False
    bare = Kind.NUMBER in {claim.kind, known.kind} and not (claim.unit and known.unit)
    if bare:
        return claim.number == known.number
    return (claim.kind, claim.unit, claim.value) == (known.kind, known.unit, known.value)


def _same_day(one: str, other: str) -> bool:
    parts = zip(one.split("-"), other.split("-"), strict=True)
    return all(a == b or "0" in {a, b} for a, b in parts)


def weekdays(claim: Claim, today: date | None) -> Sequence[str]:
    """The weekdays a date may fall on; where no year is said, that of ``today`` or the next."""
    year, month, day = (int(part) for part in claim.value[0].split("-"))
    years = [year] if year else [today.year, today.year + 1] if today else []
    found = []
    for candidate in years:
        try:
            found.append(str(date(candidate, month, day).weekday()))
        except ValueError:
            continue
    return found
