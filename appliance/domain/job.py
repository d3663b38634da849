"""One message on its way through the appliance, and the one table of states."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

from appliance.domain.draft import Draft, Reply
from appliance.domain.errors import IllegalTransition
from appliance.domain.mail import Message
from appliance.domain.verdict import Finding

JobId = NewType("JobId", int)

DAEMON: Final = "daemon"
"""The actor of what no person did; every other actor is a login name."""


class State(StrEnum):
    """What is already true and on disk."""

    RECEIVED = "received"
    SCREENED = "screened"
    DRAFTED = "drafted"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    HELD = "held"
    REJECTED = "rejected"
    PARKED = "parked"


_S = State
NEXT: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        # To SENT from where nothing of ours can have left: a person answered it from their own
        # mail program.
        _S.RECEIVED: frozenset({_S.SCREENED, _S.SKIPPED, _S.HELD, _S.SENT, _S.PARKED}),
        # A newer mail of the same thread, or a rule that changed, can still stop a screened mail.
        _S.SCREENED: frozenset({_S.DRAFTED, _S.SKIPPED, _S.HELD, _S.REJECTED, _S.SENT, _S.PARKED}),
        # To itself: a further version (a person's edit). To SCREENED: a person asked to redo it.
        _S.DRAFTED: frozenset(
            {
                _S.DRAFTED,
                _S.SCREENED,
                _S.APPROVED,
                _S.HELD,
                _S.SKIPPED,
                _S.REJECTED,
                _S.SENT,
                _S.PARKED,
            }
        ),
        # To DRAFTED: undone within its delay, or pulled back by an override.
        _S.APPROVED: frozenset({_S.SENDING, _S.DRAFTED, _S.HELD, _S.SENT, _S.PARKED}),
        # To APPROVED: it certainly did not leave. To HELD: nobody can know.
        _S.SENDING: frozenset({_S.SENT, _S.APPROVED, _S.HELD, _S.PARKED}),
        _S.SENT: frozenset(),
        # A person may overrule the screen.
        _S.SKIPPED: frozenset({_S.SCREENED}),
        _S.HELD: frozenset(
            {_S.SCREENED, _S.DRAFTED, _S.APPROVED, _S.SENT, _S.REJECTED, _S.SKIPPED, _S.PARKED}
        ),
        _S.REJECTED: frozenset({_S.SCREENED}),
        _S.PARKED: frozenset({_S.RECEIVED, _S.REJECTED, _S.SKIPPED, _S.SENT}),
    }
)
"""Which states may follow which; everything else is a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One message on its way.

    Attributes:
        revision: grows by one with every applied step; a caller who saw another one is refused.
        attempts: how often the present state was claimed, counted on disk before the work.
        due: not to be claimed before.
        findings: what the screen and the guard said last.
        draft: the newest version, or None.
        reply: what was or will be sent, from APPROVED on.
        language: of the reply, from SCREENED on; empty before.
        instruction: a person's note for the engine when they asked for another draft.
        uncertain: it may have left (set when SENDING ended without proof): for a person.
    """

    id: JobId
    message: Message
    state: State
    revision: int
    attempts: int
    created: datetime
    changed: datetime
    due: datetime
    findings: tuple[Finding, ...] = ()
    draft: Draft | None = None
    reply: Reply | None = None
    language: str = ""
    instruction: str = ""
    uncertain: bool = False

    def moved(self, step: "Step", now: datetime) -> "Job":
        """This job after ``step``.

        Raises:
            IllegalTransition: ``NEXT`` does not allow it.
        """
        if step.to not in NEXT[self.state]:
            raise IllegalTransition(f"Job {self.id} cannot go from {self.state} to {step.to}.")
        return replace(
            self,
            state=step.to,
            revision=self.revision + 1,
            attempts=0,
            changed=now,
            due=step.due or now,
            findings=self.findings if step.findings is None else step.findings,
            draft=step.draft or self.draft,
            reply=step.reply if step.reply is not None else self.reply,
            language=step.language or self.language,
            instruction=self.instruction if step.instruction is None else step.instruction,
            uncertain=self.uncertain if step.uncertain is None else step.uncertain,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one stage decided; applied whole (state, artefact, ledger entry) or not at all.

    None means "unchanged" for ``findings``, ``instruction`` and ``uncertain``.
    """

    to: State
    note: str
    findings: tuple[Finding, ...] | None = None
    draft: Draft | None = None
    reply: Reply | None = None
    language: str = ""
    instruction: str | None = None
    uncertain: bool | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger: who did what to which job, when; ``note`` quotes no mail."""

    at: datetime
    job: JobId
    before: State | None
    after: State
    actor: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One row of a list of jobs, cheap to read by the hundred."""

    id: JobId
    state: State
    mailbox: str
    sender: str
    subject: str
    language: str
    disposition: str
    reason: str
    created: datetime
    changed: datetime
    attempts: int
    revision: int
