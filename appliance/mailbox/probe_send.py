"""Mails a mailbox to itself over its store, and looks what became of it there."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.parser import BytesHeaderParser
from typing import Final

from appliance.config.settings import Office
from appliance.domain.draft import Reply
from appliance.domain.errors import ApplianceError, MailboxUnreachable
from appliance.domain.mail import MessageId
from appliance.domain.ports import Clock
from appliance.mailbox.mailstore import Listed, MailStore, Ref, Tag
from appliance.mailbox.places import Place
from appliance.mailbox.probes import Probe, authserv_id

ROUND_TRIP: Final = timedelta(seconds=90)
"""A mail to oneself that is not there by then is reported as missing."""

FILED: Final = timedelta(seconds=60)
"""A sent mail that is not in Sent by then was not put there by the call that sent it."""

LOOK_SECONDS: Final = 1.0
_AT_ONCE: Final = 100
_ARRIVES: Final = (Place.INBOX, Place.SKIPPED, Place.HELD)
"""Where a mail to ourselves may lie: a running service files it."""

_LOOP: Final = "X-Mail-Appliance"
_MARK: Final = "auto-generated"


def note(what: str, office: Office, now: datetime) -> Reply:
    """A mail of the office to itself that says what it is; ``what`` is one word."""
    address = office.addresses[0]
    token = f"{what}.{os.urandom(8).hex()}"
    return Reply(
        id=MessageId(f"{token}.appliance@{address.rpartition('@')[2]}"),
        in_reply_to=None,
        references=(),
        sender=address,
        sender_name=office.name,
        recipient=address,
        recipient_name=office.name,
        subject="Mail appliance: a check of this mailbox",
        text="The mail appliance checks this mailbox and removes this mail by itself.\n",
        date=now,
        automatic=True,
        headers=(("Auto-Submitted", _MARK), (_LOOP, token)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a mail to ourselves.

    Attributes:
        filed: the call that sends put the draft from Drafts into Sent, with our property on it.
        head: its header as it came back, or None.
        seconds: until it came back, or until nobody waited any longer.
    """

    filed: bool
    head: bytes | None
    seconds: float

    @property
    def marked(self) -> bool | None:
        """It came back with the Auto-Submitted that it was given; None: it did not come back."""
        if self.head is None:
            return None
        fields = BytesHeaderParser().parsebytes(self.head)
        return fields.get("Auto-Submitted", "").strip().lower() == _MARK

    def round_trip(self) -> Probe:
        """As a probe."""
        if self.head is None:
            values = (("seconds", f"{ROUND_TRIP.total_seconds():g}"),)
            return Probe(name="round_trip", state="failed", found="lost", values=values)
        named = authserv_id(self.head)
        return Probe(
            name="round_trip",
            state="ok",
            found="came_back",
            values=(("seconds", f"{self.seconds:.1f}"),),
            learned=(("authserv_id", named),) if named else (),
        )


class Trial:
    """Sends mails of an office to itself."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self._office = office
        self._clock = clock
        self._pause = threading.Event()

    def run(self, store: MailStore) -> Tried:
        """One mail; whatever is left of it is removed.

        Raises:
            ReplyRefused, ReplyDeferred, CredentialsRefused, ConfigError: it was not sent.
            MailboxUnreachable: it was not sent, or the store cannot be looked into.
        """
        reply = note("check", self._office, self._clock.now())
        states = {place: store.begin(place, self._clock.now()).state for place in _ARRIVES}
        begun = self._clock.steady()
        with _cleared(store, reply):
            said = _send(store, store.draft(reply, {Tag.REPLY: reply.id}, None))
            filed = said and self._filed(store, reply)
            head = self._awaited(store, reply, states)
        return Tried(filed=filed, head=head, seconds=self._clock.steady() - begun)

    def _filed(self, store: MailStore, reply: Reply) -> bool:
        for _ in self._looks(FILED):
            there = store.tagged(Place.SENT, Tag.REPLY, reply.id)
            if there and not store.tagged(Place.DRAFTS, Tag.REPLY, reply.id):
                return True
        return False

    def _awaited(self, store: MailStore, reply: Reply, states: dict[Place, str]) -> bytes | None:
        """The header of the mail as it came back; the mail is removed."""
        for _ in self._looks(ROUND_TRIP):
            for place in _ARRIVES:
                listed, states[place] = _news(store, place, states[place])
                for mail in store.read(listed) if listed else ():
                    head = _head(mail.raw)
                    if _is(reply, head):
                        store.remove([mail.ref])
                        return head
        return None

    def _looks(self, patience: timedelta) -> Iterator[None]:
        """Time and again until the time is over, at least once."""
        until = self._clock.steady() + patience.total_seconds()
        yield
        while self._clock.steady() < until:
            self._pause.wait(LOOK_SECONDS)
            yield


def _send(store: MailStore, ref: Ref) -> bool:
    """Whether the server said that it was sent; False: it was told to, and nobody knows."""
    told: list[bool] = []
    try:
        store.send(ref, lambda: told.append(True))
    except MailboxUnreachable:
        if not told:
            raise
        return False
    return True


def _news(store: MailStore, place: Place, state: str) -> tuple[Sequence[Listed], str]:
    found: list[Listed] = []
    more = True
    while more:
        changes = store.changes(place, state, _AT_ONCE)
        found += changes.new
        state, more = changes.state, changes.more
    return found, state


def _head(raw: bytes | None) -> bytes:
    head, _, _ = (raw or b"").replace(b"\r\n", b"\n").partition(b"\n\n")
    return head + b"\n"


def _is(reply: Reply, head: bytes) -> bool:
    """By our own header as well: a server may give a mail another Message-ID."""
    fields = BytesHeaderParser().parsebytes(head)
    token = dict(reply.headers)[_LOOP]
    return reply.id in fields.get("Message-ID", "") or fields.get(_LOOP, "").strip() == token


@contextmanager
def _cleared(store: MailStore, reply: Reply) -> Iterator[None]:
    """Afterwards neither Drafts nor Sent have anything of it."""
    try:
        yield
    except ApplianceError:
        # What went wrong first is what a person should read.
        with suppress(ApplianceError):
            _clear(store, reply)
        raise
    _clear(store, reply)


def _clear(store: MailStore, reply: Reply) -> None:
    for place in (Place.DRAFTS, Place.SENT):
        store.remove(store.tagged(place, Tag.REPLY, reply.id))
