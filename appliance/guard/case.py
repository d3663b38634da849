"""Everything a rule of the guard may look at, prepared once a draft."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from appliance.config.settings import Office
from appliance.domain.draft import Draft
from appliance.domain.mail import Message, Thread
from appliance.domain.verdict import Disposition, Finding
from appliance.guard.claim import Claim
from appliance.guard.claims import claims
from appliance.guard.evidence import Stated, joined, stated
from appliance.guard.fold import folded
from appliance.guard.units import Sentence, Unit, drafted, units


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One draft on trial.

    Attributes:
        plain: the draft's text folded, as long as the text itself.
        claims: what the draft states, offsets into its text.
        sentences: the draft cut into what says one thing of one thing.
        units: the passages cut in the same way.
        knowledge: what passages, our own mails and the office state.
        heard: what the customer and others wrote.
        known: both together.
        prefix: the stable part of the prompt.
        detect: text and fallback → BCP 47 of the language of the text.
    """

    draft: Draft
    thread: Thread
    office: Office
    prefix: str
    detect: Callable[[str, str], str]
    plain: str
    claims: tuple[Claim, ...]
    sentences: tuple[Sentence, ...]
    units: tuple[Unit, ...]
    knowledge: Stated
    heard: Stated
    known: Stated


_LONGEST: Final = 40_000
"""Characters of one mail that are read as evidence; what stands behind them supports nothing."""

Rule = Callable[[Case], Iterator[Finding]]


def case(
    *, draft: Draft, thread: Thread, office: Office, prefix: str, detect: Callable[[str, str], str]
) -> Case:
    """The case of ``draft``."""
    today = _day(thread.newest)
    ours = [message for message in thread.messages if message.id in thread.ours]
    theirs = [message for message in thread.messages if message.id not in thread.ours]
    office_text = "\n".join((office.name, office.signature, *office.addresses))
    knowledge = stated(
        (
            (office_text, None),
            *((f"{passage.source}\n{passage.text}", None) for passage in draft.passages),
            *((words(message), _day(message)) for message in ours),
        ),
        today,
    )
    heard = stated(((words(message), _day(message)) for message in theirs), today)
    return Case(
        draft=draft,
        thread=thread,
        office=office,
        prefix=prefix,
        detect=detect,
        plain=folded(draft.text),
        claims=claims(draft.text, today),
        sentences=drafted(draft.text),
        units=units(draft.passages),
        knowledge=knowledge,
        heard=heard,
        known=joined(knowledge, heard),
    )


def _day(message: Message) -> date | None:
    return message.date.date() if message.date else None


def words(message: Message) -> str:
    """Sender, subject and visible text of a message, clamped."""
    sender = f"{message.sender.name} <{message.sender.address}>"
    text = message.text or f"{message.question}\n{message.quoted}\n{message.signature}"
    return f"{sender}\n{message.subject}\n{text[:_LONGEST]}"


def review(rule: str, reason: str, span: tuple[int, int] | None = None) -> Finding:
    """A finding that a person should see."""
    return Finding(rule=rule, disposition=Disposition.REVIEW, reason=reason, span=span)


def hold(rule: str, reason: str, span: tuple[int, int] | None = None) -> Finding:
    """A finding that stops the draft."""
    return Finding(rule=rule, disposition=Disposition.HOLD, reason=reason, span=span)
