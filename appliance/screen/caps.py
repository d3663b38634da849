"""Rules about how much may leave without a person, and about mails that came before or after."""

from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule

_FASTER_THAN_A_PERSON: Final = 120.0
"""Seconds within which nobody reads our answer and writes another mail."""


@rule(Disposition.STOP, "The same mail came before (same Message-ID or same content).")
def duplicate(case: Case) -> bool:
    """A mail that is known already."""
    return case.facts.duplicate


@rule(Disposition.STOP, "The sender has written again in this thread; only the newest is answered.")
def superseded(case: Case) -> bool:
    """A newer mail of the same thread exists."""
    return case.facts.superseded


@rule(
    Disposition.STOP,
    "It came within two minutes of our answer: faster than a person, so probably a ticket system.",
)
def quick_answer(case: Case) -> bool:
    """The same sender answers our answer at once."""
    seconds = case.facts.seconds_since_answer
    return seconds is not None and 0 <= seconds < _FASTER_THAN_A_PERSON


@rule(Disposition.REVIEW, "Automatic answers were stopped in this thread.")
def thread_stopped(case: Case) -> bool:
    """A person or a ticket system's mail stopped them."""
    return case.facts.stopped


@rule(Disposition.HOLD, "It answers an automatic answer; now a person is wanted.")
def answers_automatic(case: Case) -> bool:
    """The disclosure line promises a person to who answers."""
    return case.facts.answers_automatic


@rule(
    Disposition.REVIEW,
    "This thread has had its automatic answers; a person looks before the next (RFC 3834 §2).",
)
def thread_cap(case: Case) -> bool:
    """The cap for a thread is reached."""
    return case.facts.thread_answers >= case.office.caps.per_thread


@rule(
    Disposition.REVIEW,
    "This sender has had today's automatic answers (RFC 3834 §2, RFC 5230 §4.2).",
)
def sender_cap(case: Case) -> bool:
    """The cap for a sender and day is reached."""
    return case.facts.sender_answers_today >= case.office.caps.per_sender_per_day


@rule(Disposition.REVIEW, "So many automatic answers left in the last hour that it looks wrong.")
def hourly_breaker(case: Case) -> bool:
    """The cap for everybody is reached."""
    return case.facts.answers_last_hour >= case.office.caps.per_hour
