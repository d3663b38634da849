"""Rule on promises: money, guarantees, arrangements that nobody has made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard import wording
from appliance.guard.case import Case, review
from appliance.guard.fold import sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    """One sort of commitment.

    Attributes:
        said: how a draft says it.
        covered: words with which the knowledge allows it; None: nothing allows it.
        hedged: whether a condition in its sentence takes the commitment away.
        reason: the sentence for the reviewer.
    """

    said: re.Pattern[str]
    covered: re.Pattern[str] | None
    hedged: bool
    reason: str


_SORTS: Final = (
    _Sort(
        said=wording.GUARANTEE,
        covered=wording.GUARANTEE_GIVEN,
        hedged=False,
        reason="This is a guarantee that the passages do not give.",
    ),
    _Sort(
        said=wording.DONE,
        covered=None,
        hedged=False,
        reason="The draft says something was done or agreed; nobody has done it.",
    ),
    _Sort(
        said=wording.MONEY,
        covered=None,
        hedged=True,
        reason="This promises the customer money or goods.",
    ),
    _Sort(
        said=wording.PUNCTUAL,
        covered=None,
        hedged=True,
        reason="This promises a date or a punctual arrival.",
    ),
    _Sort(
        said=wording.GIFT,
        covered=wording.GIFT,
        hedged=False,
        reason="This offers something that the passages do not name.",
    ),
    _Sort(
        said=wording.FREE,
        covered=wording.FREE_GIVEN,
        hedged=False,
        reason="The passages do not say that this is free.",
    ),
)


def promise(case: Case) -> Iterator[Finding]:
    """Commitment words that neither the knowledge covers nor a condition takes back."""
    for start, end in sentences(case.plain):
        sentence = case.plain[start:end]
        conditional = bool(wording.CONDITION.search(sentence))
        for sort in _SORTS:
            match = sort.said.search(sentence)
            if not match or (sort.hedged and conditional):
                continue
            allowed = sort.covered is not None and sort.covered.search(case.knowledge.text)
            if allowed or wording.DENIED.search(sentence[: match.start()]):
                continue
            yield review("promise", sort.reason, (start + match.start(), start + match.end()))
