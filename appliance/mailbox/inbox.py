"""Which mails of a Maildir's inbox are offered next, and when a loose file is taken in."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.domain.mail import Cursor
from appliance.mailbox.maildir import Folder, Loose, Maildir, MailFile

SETTLE_SECONDS: Final = 2.0
"""A file that may still be growing is taken when it lay unchanged for this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A mail of the inbox and when it was written, in nanoseconds."""

    file: MailFile
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """What a cursor says: the turn (None: of another run) and the newest mail known by then."""

    turn: int | None
    newest: int


class Inbox:
    """The inbox in turns: each fetch is one, and a cursor names the last whose mails are stored.

    Turns are counted in memory. A cursor of an earlier run leaves open what was read, so after a
    restart the whole inbox comes again, mail that is newer than the cursor first; whoever stores it
    knows it by its key. Not safe for threads: the owner holds a lock.
    """

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir
        self._session = os.urandom(6).hex()
        self._turn = 0
        self._offered: dict[str, int] = {}
        self._settling: dict[Path, tuple[Loose, float]] = {}

    @property
    def settling(self) -> bool:
        """Some file may still be growing."""
        return bool(self._settling)

    def adopt(self, *, now: datetime, steady: float) -> None:
        """Take in what people dropped and what no longer grows; ``steady`` in seconds.

        It lay unchanged by the clock of the file system, or, should that differ from ours, under
        our own eyes.
        """
        still = now.timestamp() - SETTLE_SECONDS
        settling: dict[Path, tuple[Loose, float]] = {}
        for loose in self._maildir.loose():
            before, since = self._settling.get(loose.path, (loose, steady))
            if before != loose:
                since = steady
            old = max(loose.written, loose.changed) / 1e9 <= still
            if old or steady - since >= SETTLE_SECONDS:
                self._maildir.adopt(loose)
            else:
                settling[loose.path] = (loose, since)
        self._settling = settling

    def offer(self, since: Cursor | None, limit: int) -> tuple[list[MailFile], Cursor | None]:
        """At most ``limit`` mails that no turn up to the cursor offered, oldest first."""
        if since is None:
            self._offered.clear()
        position = self._position(since)
        chosen = self._choose(self._waiting(), position)[:limit]
        if not chosen:
            return [], since
        chosen.sort(key=_age)
        self._turn += 1
        self._offered.update((mail.file.key, self._turn) for mail in chosen)
        newest = max(position.newest, chosen[-1].written)
        return [mail.file for mail in chosen], Cursor(f"{self._session}.{self._turn}.{newest}")

    def withdraw(self, files: Iterable[MailFile]) -> None:
        """These were offered and not found: another program moved them; look again next time."""
        for file in files:
            self._offered.pop(file.key, None)

    def _waiting(self) -> list[_Waiting]:
        waiting = []
        for file in self._maildir.files(Folder.INBOX):
            try:
                written = self._maildir.path(file).stat().st_mtime_ns
            except FileNotFoundError:
                continue
            waiting.append(_Waiting(file=file, written=written))
        present = {mail.file.key for mail in waiting}
        self._offered = {key: turn for key, turn in self._offered.items() if key in present}
        return waiting

    def _position(self, since: Cursor | None) -> _Position:
        session, _, rest = (since or "").partition(".")
        turn, _, newest = rest.partition(".")
        ours = session == self._session and turn.isdecimal()
        return _Position(
            turn=int(turn) if ours else None, newest=int(newest) if newest.isdecimal() else -1
        )

    def _choose(self, waiting: list[_Waiting], position: _Position) -> list[_Waiting]:
        """What may be offered: what never was, then what is newer than the cursor, then by age."""
        offered = self._offered
        if position.turn is not None:
            done = range(1, position.turn + 1)
            waiting = [mail for mail in waiting if offered.get(mail.file.key, 0) not in done]
        return sorted(
            waiting,
            key=lambda mail: (
                offered.get(mail.file.key, 0),
                mail.written <= position.newest,
                _age(mail),
            ),
        )


def age(moment: int, key: str) -> tuple[int, tuple[int, ...], str]:
    """Oldest first; within one tick of the file system's clock by the numbers of the name."""
    digits = "".join(c if c in "0123456789" else " " for c in key)
    return moment, tuple(map(int, digits.split())), key


def _age(mail: _Waiting) -> tuple[int, tuple[int, ...], str]:
    return age(mail.written, mail.file.key)
