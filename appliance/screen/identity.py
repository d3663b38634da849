"""Rules about who wrote to whom: ourselves, our addresses, and answers that would go elsewhere."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.domains import aligned
from appliance.screen.rule import rule

LOOP_HEADER: Final = "x-mail-appliance"
"""The header (lower-case) by which every reply of an appliance is known again."""

_ADDRESS: Final = re.compile(r"[^\s<>,;:\"()]{1,64}@[^\s<>,;:\"()]{1,255}")
_RECIPIENTS: Final = (
    "to",
    "cc",
    "bcc",
    "resent-to",
    "resent-cc",
    "resent-bcc",
    "delivered-to",
    "x-original-to",
)


def addresses(value: str) -> frozenset[str]:
    """The addresses that stand in a header value, lower-case, without their ``+detail``."""
    return frozenset(map(_base, _ADDRESS.findall(value[:20_000])))


def _base(address: str) -> str:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


@rule(Disposition.STOP, "This appliance made this mail itself (RFC 3834 §2).", mandatory=True)
def own_message(case: Case) -> bool:
    """Our own Message-ID, or our own loop header."""
    return case.facts.own or case.message.header(LOOP_HEADER) is not None


@rule(
    Disposition.STOP,
    "It came from an address of this office; answering it would make a loop (RFC 3834 §2).",
    mandatory=True,
)
def own_address(case: Case) -> bool:
    """The author or the sender is ourselves."""
    sender = {_base(case.message.sender.address)}
    for value in case.message.header_all("sender"):
        sender |= addresses(value)
    return bool(sender & case.own_addresses)


@rule(Disposition.HOLD, "It names no author, so there is nobody to answer (RFC 5322 §3.6.2).")
def no_author(case: Case) -> bool:
    """No usable From."""
    return "@" not in case.message.sender.address


@rule(
    Disposition.HOLD,
    "None of this office's addresses is among the recipients (RFC 5230 §4.5).",
    mandatory=True,
)
def not_addressed(case: Case) -> bool:
    """We stand in no To, Cc, Bcc, Resent-* or Delivered-To."""
    if not case.own_addresses:
        return False
    message = case.message
    named = {_base(person.address) for person in (*message.to, *message.cc)}
    for name in _RECIPIENTS:
        for value in message.header_all(name):
            named |= addresses(value)
    return not named & case.own_addresses


@rule(
    Disposition.REVIEW,
    "The return path belongs to another organisation than the author (house rule).",
)
def return_path_elsewhere(case: Case) -> bool:
    """From and Return-Path not aligned by organisational domain."""
    return any(
        not aligned(address.rpartition("@")[2], case.message.sender.domain)
        for value in case.message.header_all("return-path")
        for address in addresses(value)
    )


@rule(
    Disposition.REVIEW,
    "Answers are wanted at another organisation than the author's (house rule).",
)
def reply_to_elsewhere(case: Case) -> bool:
    """Reply-To leads elsewhere than From."""
    message = case.message
    return any(not aligned(person.domain, message.sender.domain) for person in message.reply_to)
