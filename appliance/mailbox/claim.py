"""Which appliance answers an account: one mail in a folder of its own says so, and when last.

Two boxes on one mailbox would answer everything twice, and neither sees the other's disk. All they
share is the account, so the claim lies there. Who came first is told by UIDs, which the server
gives in strict order, and how long ago by the server's time (INTERNALDATE): the boxes' clocks may
be wrong.
"""

import os
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import format_datetime
from typing import Any, Final

from imapclient import IMAPClient

from appliance.domain.errors import AlreadyRunning, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.folders import Folders, remove
from appliance.mailbox.places import Place
from appliance.mailbox.whereabouts import HEADER

BEAT_SECONDS: Final = 120.0
"""So often the holder writes its claim anew."""

LEASE: Final = timedelta(minutes=10)
"""A claim that is older has been given up."""

_ASKED_SECONDS: Final = 60.0
BOX_HEADER: Final = "X-Mail-Appliance-Box"
_SINCE: Final = "X-Mail-Appliance-Since"
HOST_HEADER: Final = "X-Mail-Appliance-Host"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """One claim: whose, and when it was written; ``rank`` is the UID of the box's first claim."""

    uid: int
    id: str
    box: str
    host: str
    rank: int
    written: datetime


class Claim:
    """The claim of this box on one account; safe for threads."""

    def __init__(self, *, box: str, host: str, folders: Folders, clock: Clock) -> None:
        """``box`` stays the same as long as the state directory does; ``host`` is for people."""
        self._box = box
        self._host = host
        self._folders = folders
        self._clock = clock
        self._lock = threading.Lock()
        self._session = os.urandom(6).hex()
        self._written = 0
        self._beat: float | None = None
        self._refusal: tuple[float, AlreadyRunning] | None = None

    def hold(self, client: IMAPClient) -> None:
        """Make sure that the account is ours; selects another folder where it has to write.

        Raises:
            AlreadyRunning: another box claimed it before; asked at most once a minute.
        """
        with self._lock:
            now = self._clock.steady()
            if self._beat is not None and now - self._beat < BEAT_SECONDS:
                return
            if self._refusal is not None and now - self._refusal[0] < _ASKED_SECONDS:
                raise AlreadyRunning(str(self._refusal[1])) from self._refusal[1]
            try:
                self._renew(client)
            except AlreadyRunning as error:
                self._beat, self._refusal = None, (self._clock.steady(), error)
                raise
            self._beat, self._refusal = self._clock.steady(), None

    def give_up(self, client: IMAPClient) -> None:
        """Let another box have the account at once."""
        with self._lock:
            if self._beat is None:
                return
            self._beat = None
            self._folders.select(client, Place.CLAIM)
            remove(client, [one.uid for one in _records(client, 0) if one.box == self._box])

    def _renew(self, client: IMAPClient) -> None:
        validity = int(self._folders.select(client, Place.CLAIM).get(b"UIDVALIDITY", 0))
        before = [one for one in _records(client, validity) if one.box == self._box]
        rank = min((one.rank for one in before), default=None)
        name = self._write(client, "" if rank is None else f"{validity}.{rank}")
        records = _records(client, validity)
        mine = next((one for one in records if one.id == name), None)
        if mine is None:
            # Somebody removed it, or the server shows late what it stored: nothing is proven.
            raise MailboxUnreachable("The claim on the mailbox could not be read back.")
        now = mine.written
        if before and now - max(one.written for one in before) > LEASE:
            # Ours had run out: who came meanwhile was right to take over.
            mine = replace(mine, rank=mine.uid)
        others = [one for one in records if one.box != self._box]
        alive = [one for one in others if now - one.written <= LEASE]
        first = min((*alive, mine), key=lambda one: one.rank)
        if first is not mine:
            remove(client, [one.uid for one in records if one.box == self._box])
            raise AlreadyRunning(_sentence(first, now))
        kept = {mine.uid, *(one.uid for one in alive)}
        remove(client, [one.uid for one in records if one.uid not in kept])

    def _write(self, client: IMAPClient, since: str) -> str:
        self._written += 1
        name = f"{self._box}.{self._session}.{self._written}@appliance.invalid"
        fields = [
            "From: Mail appliance <noreply@appliance.invalid>",
            f"Subject: This mailbox is answered by the mail appliance {self._host}",
            f"Date: {format_datetime(self._clock.now())}",
            f"Message-ID: <{name}>",
            "Auto-Submitted: auto-generated",
            f"{BOX_HEADER}: {self._box}",
            f"{HOST_HEADER}: {self._host}",
        ]
        if since:
            fields.append(f"{_SINCE}: {since}")
        text = (
            "This mail is the appliance's own note; it is written anew every two minutes, so\r\n"
            "that no second appliance answers the same mail. Leave it where it is.\r\n"
        )
        raw = "\r\n".join((*fields, "", text)).encode("ascii", "replace")
        self._folders.into(
            client, Place.CLAIM, lambda name: client.append(name, raw, flags=(b"\\Seen",))
        )
        client.noop()
        return name


def _records(client: IMAPClient, validity: int) -> list[_Record]:
    """The claims in the open folder, whose UIDVALIDITY is ``validity``."""
    uids = client.search(["UNDELETED"])
    answers = client.fetch(uids, [HEADER, "INTERNALDATE"]) if uids else {}
    found = (_record(uid, validity, answer) for uid, answer in answers.items())
    return [one for one in found if one is not None]


def _record(uid: int, validity: int, answer: dict[bytes, Any]) -> _Record | None:
    head = message_from_bytes(answer.get(b"BODY[HEADER]") or b"")
    written = answer.get(b"INTERNALDATE")
    box = str(head.get(BOX_HEADER, "")).strip()
    if not box or not isinstance(written, datetime):
        return None
    # Under another UIDVALIDITY the numbers are others, but their order is the same.
    known, _, first = str(head.get(_SINCE, "")).strip().partition(".")
    rank = int(first) if known == str(validity) and first.isdecimal() else uid
    return _Record(
        uid=uid,
        id=str(head.get("Message-ID", "")).strip("<> \r\n"),
        box=box,
        host=str(head.get(HOST_HEADER, "?")).strip()[:100],
        rank=rank,
        written=written.astimezone(UTC),
    )


def _sentence(other: _Record, now: datetime) -> str:
    minutes = max(0, int((now - other.written).total_seconds()) // 60)
    left = max(1, int((LEASE - (now - other.written)).total_seconds()) // 60 + 1)
    return (
        f"Another appliance ({other.host}) answers this mailbox, last sign of life {minutes} min "
        f"ago. Two would answer everything twice, so this one does nothing. Stop the other one; if "
        f"it is gone for good, this one takes over by itself in {left} min."
    )
