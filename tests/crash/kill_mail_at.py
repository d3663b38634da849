"""The real command line, except that it kills itself once at one point of sending a mail.

Usage: kill_mail_at.py POINT MARKER appliance-arguments…
``BEFORE``, ``IN_DOUBT`` and ``AFTER`` name the points in their order. The kill happens only while the
file MARKER does not exist; it is made just before.
"""

import os
import signal
import smtplib
import sys
from pathlib import Path
from typing import Any, Final

from appliance.cli.app import run
from appliance.domain.draft import Reply
from appliance.domain.job import Job, State, Step
from appliance.domain.mail import Message
from appliance.domain.verdict import Disposition
from appliance.mailbox.imap import ImapMailbox
from appliance.store.jobs import SqliteJobStore

BEFORE: Final = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "half", "body", "committing")
"""Just after each of these steps; ``half`` of the mail, and the commit that only begins."""

IN_DOUBT: Final = ("committed", "dot", "answer", "quit")
AFTER: Final = ("copied", "sent", "filed")

_DOT: Final = b".\r\n"
_POINT, _MARKER = (*sys.argv, "", "")[1:3]
_apply = SqliteJobStore.apply
_file = ImapMailbox.file


def _die(point: str) -> None:
    if point == _POINT and not Path(_MARKER).exists():
        Path(_MARKER).touch()
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal(smtplib.SMTP):
    """The client of the standard library, which dies after a step."""

    _ended = False

    def connect(self, *arguments: Any, **more: Any) -> tuple[int, bytes]:
        answer = super().connect(*arguments, **more)
        _die("connect")
        return answer

    def ehlo_or_helo_if_needed(self) -> None:
        super().ehlo_or_helo_if_needed()
        _die("ehlo")

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        answer = super().docmd(cmd, args)
        _die(cmd.lower())
        return answer

    def send(self, s: Any) -> None:
        if isinstance(s, str):
            super().send(s)
            return
        middle = len(s) // 2
        super().send(s[:middle])
        _die("half")
        super().send(s[middle:])
        self._ended = s == _DOT
        _die("dot" if self._ended else "body")

    def getreply(self) -> tuple[int, bytes]:
        answer = super().getreply()
        if self._ended:
            _die("answer")
        return answer


def _apply_and_die(store: SqliteJobStore, job: Job, step: Step, actor: str) -> Job:
    _die({State.SENDING: "committing", State.SENT: "copied"}.get(step.to, ""))
    moved = _apply(store, job, step, actor)
    _die({State.SENDING: "committed", State.SENT: "sent"}.get(step.to, ""))
    return moved


def _file_and_die(
    mailbox: ImapMailbox, message: Message, disposition: Disposition, reply: Reply | None = None
) -> None:
    _file(mailbox, message, disposition, reply)
    _die("filed" if reply is not None else "")


if __name__ == "__main__":
    smtplib.SMTP = Mortal  # type: ignore[misc]
    SqliteJobStore.apply = _apply_and_die  # type: ignore[assignment, method-assign]
    ImapMailbox.file = _file_and_die  # type: ignore[assignment, method-assign]
    sys.exit(run(sys.argv[3:]))
