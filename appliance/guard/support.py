"""Rules: what a draft states must stand in the passages or the thread."""

from collections.abc import Iterator, Mapping
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.claim import Claim, Kind
from appliance.guard.contacts import host
from appliance.guard.evidence import weekdays

_NAMES: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.AMOUNT: ("unsupported_amount", "amount"),
    Kind.PERCENTAGE: ("unsupported_number", "percentage"),
    Kind.DISCOUNT: ("unsupported_number", "discount"),
    Kind.DURATION: ("unsupported_number", "period"),
    Kind.TIME: ("unsupported_number", "time"),
    Kind.NUMBER: ("unsupported_number", "number"),
    Kind.DATE: ("unsupported_date", "date"),
    Kind.WEEKDAY: ("unsupported_date", "weekday"),
    Kind.URL: ("unsupported_contact", "web address"),
    Kind.MAIL: ("unsupported_contact", "mail address"),
    Kind.PHONE: ("unsupported_contact", "telephone number"),
    Kind.CODE: ("unsupported_contact", "code or order number"),
}


def unsupported(case: Case) -> Iterator[Finding]:
    """Every claim that neither the passages nor the thread hold."""
    seen: set[tuple[int, int]] = set()
    for claim in case.claims:
        if claim.weak or claim.span in seen or case.known.supports(claim):
            continue
        seen.add(claim.span)
        rule, what = _NAMES[claim.kind]
        yield review(
            rule, f"This {what} stands neither in the thread nor in the passages.", claim.span
        )


def foreign_link(case: Case) -> Iterator[Finding]:
    """A link whose host only the customer named: links are the office's to choose."""
    ours = case.knowledge.hosts()
    for claim in case.claims:
        if claim.kind is not Kind.URL or not case.heard.supports(claim):
            continue
        if host(claim.value[0]) not in ours:
            reason = "This link leads to a host that the office's knowledge does not name."
            yield review("foreign_link", reason, claim.span)


def wrong_weekday(case: Case) -> Iterator[Finding]:
    """A weekday right before or behind a date that falls on another day."""
    days = [claim for claim in case.claims if claim.kind is Kind.WEEKDAY and not claim.weak]
    for claim in case.claims:
        if claim.kind is not Kind.DATE or claim.weak:
            continue
        possible = weekdays(claim, case.known.today)
        for day in days:
            if possible and _adjoins(case.plain, claim, day) and day.value[0] not in possible:
                reason = "This date does not fall on this weekday."
                yield review("unsupported_date", reason, day.span)


def _adjoins(plain: str, one: Claim, other: Claim) -> bool:
    first, second = sorted((one.span, other.span))
    return plain[first[1] : second[0]].strip() in {"", ",", "(", "the", "den", "der", "le", "el"}
