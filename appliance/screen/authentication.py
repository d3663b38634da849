"""Rules about whether the author is who the mail says (RFC 8601, RFC 7489)."""

from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.domains import aligned
from appliance.screen.results import Result, Results, parse
from appliance.screen.rule import rule

_HEADER: Final = "authentication-results"
_STAMPED_TOGETHER: Final = frozenset(
    {
        _HEADER,
        "received-spf",
        "dkim-filter",
        "dkim-signature",
        "arc-seal",
        "arc-message-signature",
        "arc-authentication-results",
        "return-path",
        "delivered-to",
    }
)
"""Headers that may stand between two results of one server; any other ends what it stamped."""


def _trusted(case: Case) -> tuple[tuple[Results, ...], tuple[Results, ...]]:
    """What our own server stamped, topmost block, and what claims to be from it further down."""
    trusted = case.office.authserv_id.strip().lower()
    stamped: list[Results] = []
    claimed: list[Results] = []
    over = False
    for name, value in case.message.headers if trusted else ():
        read = parse(value) if name == _HEADER else None
        if read is not None and read.authserv_id == trusted:
            (claimed if over else stamped).append(read)
        elif stamped and name not in _STAMPED_TOGETHER:
            over = True
    return tuple(stamped), tuple(claimed)


def _dmarc(case: Case, blocks: tuple[Results, ...]) -> frozenset[str]:
    """The DMARC results of ``blocks`` that speak about the domain in From."""
    return frozenset(
        result.value
        for block in blocks
        for result in block.results
        if result.method == "dmarc" and _about_author(result, case)
    )


def _about_author(result: Result, case: Case) -> bool:
    domain = result.properties.get("header.from", case.message.sender.domain)
    return result.value != "pass" or aligned(domain.rpartition("@")[2], case.message.sender.domain)


def proven(case: Case) -> bool:
    """Whether our own server says that the mail is from the domain in From."""
    return "pass" in _dmarc(case, _trusted(case)[0])


@rule(
    Disposition.HOLD,
    "The author's domain says that this mail is not from there: DMARC failed at our own server"
    " (RFC 8601 §4.1, RFC 7489 §6.6).",
)
def dmarc_failed(case: Case) -> bool:
    """``dmarc=fail`` in what our own server stamped."""
    return "fail" in _dmarc(case, _trusted(case)[0])


@rule(
    Disposition.REVIEW,
    "Nobody we trust has proven who the author is: no DMARC result of our own server"
    " (RFC 8601 §4.1).",
)
def dmarc_unknown(case: Case) -> bool:
    """DMARC none or in error, no trusted header, or no trusted server named."""
    return not _dmarc(case, _trusted(case)[0]) & {"pass", "fail"}


@rule(
    Disposition.REVIEW,
    "A second result in our own server's name stands further down and says something else, as a"
    " forger would put it there (RFC 8601 §5).",
)
def results_contradict(case: Case) -> bool:
    """Our server's name twice in one mail, not agreeing."""
    stamped, claimed = _trusted(case)
    return bool(claimed) and _dmarc(case, claimed) != _dmarc(case, stamped)
