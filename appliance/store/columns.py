"""A job as columns: what a list shows and what the facts count, derived from its values."""

import json
from collections.abc import Iterable
from typing import Final, Literal

from appliance.domain.job import Job, State
from appliance.domain.mail import Message
from appliance.domain.verdict import Verdict

Answered = Literal["", "person", "automatic"]

_LEAVING: Final = frozenset({State.APPROVED, State.SENDING, State.SENT})
_NOTE_DECIDES: Final = frozenset({State.HELD, State.PARKED, State.REJECTED, State.SKIPPED})
_MACHINE_PRECEDENCES: Final = frozenset({"bulk", "junk", "list", "auto_reply"})


def listed(values: Iterable[str | int]) -> str:
    """Values as one argument, for ``IN (SELECT value FROM json_each(?))``."""
    return json.dumps(list(values))


def answered(job: Job) -> Answered:
    """Whose answer left, may have left, or is about to leave; empty where none does."""
    if job.reply is None or not (job.state in _LEAVING or job.uncertain):
        return ""
    return "automatic" if job.reply.automatic else "person"


def disposition(job: Job) -> str:
    """The label of the strictest finding; empty while the screen has not looked."""
    if not job.findings and job.state in {State.RECEIVED, State.PARKED}:
        return ""
    return Verdict(findings=job.findings).disposition.label


def reason(job: Job, note: str) -> str:
    """Why the job is where it is: the deciding finding, or ``note`` of the step that decided."""
    deciding = Verdict(findings=job.findings).deciding
    if job.state is State.PARKED or job.uncertain:
        return note
    if deciding is not None:
        return deciding.reason
    return note if job.state in _NOTE_DECIDES else ""


def says_machine(message: Message) -> bool:
    """Whether the mail says of itself that no person wrote it (RFC 3834 §5, RFC 3462)."""
    marked = (message.header("auto-submitted") or "no").strip().lower()
    precedence = (message.header("precedence") or "").strip().lower()
    return (
        not marked.startswith("no")
        or precedence in _MACHINE_PRECEDENCES
        or message.media_type == "multipart/report"
        or message.header("x-autoreply") is not None
    )
