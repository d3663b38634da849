"""What rules have to say, and what follows from it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Route = Literal["answer", "hold", "skip"]


_ROUTES: tuple[Route, ...] = ("answer", "answer", "hold", "skip")


class Disposition(IntEnum):
    """What may happen, from lenient to strict; the strictest finding decides."""

    PASS = 0
    """May leave by itself."""
    REVIEW = 1
    """Draft it; a person approves."""
    HOLD = 2
    """A person decides; nothing is drafted."""
    STOP = 3
    """Nobody answers."""

    @property
    def label(self) -> str:
        """The word for scripts and screens: pass, review, hold or skip."""
        return ("pass", "review", "hold", "skip")[self]

    @property
    def route(self) -> Route:
        """Where a mail with this disposition goes."""
        return _ROUTES[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that had something to say.

    Attributes:
        rule: the rule's name in snake_case.
        disposition: how strict the rule is about it.
        reason: a sentence for the reviewer; names the RFC section where there
            is one; quotes no mail.
        span: ``(start, end)`` character offsets into the text the rule looked at (for the
            guard: the draft), or None where the finding is about the whole.
    """

    rule: str
    disposition: Disposition
    reason: str
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Every finding of a chain; empty means PASS."""

    findings: tuple[Finding, ...] = ()

    @property
    def disposition(self) -> Disposition:
        """The strictest disposition among the findings."""
        return max((finding.disposition for finding in self.findings), default=Disposition.PASS)

    @property
    def deciding(self) -> Finding | None:
        """The first of the strictest findings, or None."""
        return max(self.findings, key=lambda finding: finding.disposition, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the store knows about a message's surroundings when it is screened.

    Attributes:
        duplicate: the same Message-ID or the same content hash came before.
        superseded: a newer message of the same sender in the same thread is known.
        own: the message carries a Message-ID that this appliance made.
        thread_answers: automatic answers in this thread since a person last looked at it.
        sender_answers_today: automatic answers to this sender in the last 24 hours.
        answers_last_hour: automatic answers to anybody in the last hour.
        seconds_since_answer: age of our last answer in this thread when the message came, or None.
        answers_automatic: the message replies to one of our automatic answers.
        stopped: a person or a rule stopped automatic answers in this thread.
    """

    duplicate: bool = False
    superseded: bool = False
    own: bool = False
    thread_answers: int = 0
    sender_answers_today: int = 0
    answers_last_hour: int = 0
    seconds_since_answer: float | None = None
    answers_automatic: bool = False
    stopped: bool = False
