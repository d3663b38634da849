"""The real command line, except that it kills itself once at one point of sending a mail.

Usage: kill_store_at.py POINT MARKER appliance-arguments…
For mailboxes of kind exchange and graph; ``POINTS`` are in their order. The kill happens only while
the file MARKER does not exist; it is made just before.
"""

import http.client
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from appliance.cli.app import run
from appliance.domain.draft import Reply
from appliance.domain.job import Job, State, Step
from appliance.domain.mail import Message
from appliance.domain.verdict import Disposition
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.store_mailbox import StoreMailbox
from appliance.store.jobs import SqliteJobStore

POINTS: Final = (
    "drafted",
    "committing",
    "committed",
    "asked",
    "answered",
    "noted",
    "sent",
    "filed",
)
"""The draft lies there; the commit only begins; it is on disk; the request to send went out; its
answer came; the mailbox has taken it; that is on disk; the mail is filed."""

_POINT, _MARKER = (*sys.argv, "", "")[1:3]
_apply = SqliteJobStore.apply
_file = StoreMailbox.file
_send = StoreMailbox.send
_getresponse = http.client.HTTPConnection.getresponse
_committed: list[int] = []


def _die(point: str) -> None:
    if point == _POINT and not Path(_MARKER).exists():
        Path(_MARKER).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _respond_and_die(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """Of the thread that sends, from the commit on."""
    sends = threading.get_ident() in _committed
    if sends:
        _die("asked")
    answer = _getresponse(connection)
    if sends:
        _die("answered")
    return answer


def _apply_and_die(store: SqliteJobStore, job: Job, step: Step, actor: str) -> Job:
    _die({State.SENDING: "committing", State.SENT: "noted"}.get(step.to, ""))
    moved = _apply(store, job, step, actor)
    _die({State.SENDING: "committed", State.SENT: "sent"}.get(step.to, ""))
    if step.to is State.SENDING:
        _committed.append(threading.get_ident())
    return moved


def _send_and_forget(mailbox: StoreMailbox, reply: Reply, commit: Any) -> None:
    draft = mailbox.store.draft

    def drafted(reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        ref = draft(reply, tags, original)
        _die("drafted" if Tag.REPLY in tags else "")
        return ref

    mailbox.store.draft = drafted  # type: ignore[method-assign]
    try:
        _send(mailbox, reply, commit)
    finally:
        mailbox.store.draft = draft  # type: ignore[method-assign]
        _committed.clear()


def _file_and_die(
    mailbox: StoreMailbox, message: Message, disposition: Disposition, reply: Reply | None = None
) -> None:
    _file(mailbox, message, disposition, reply)
    _die("filed" if reply is not None else "")


if __name__ == "__main__":
    http.client.HTTPConnection.getresponse = _respond_and_die  # type: ignore[assignment, method-assign]
    SqliteJobStore.apply = _apply_and_die  # type: ignore[assignment, method-assign]
    StoreMailbox.send = _send_and_forget  # type: ignore[assignment, method-assign]
    StoreMailbox.file = _file_and_die  # type: ignore[assignment, method-assign]
    sys.exit(run(sys.argv[3:]))
