"""A store of mails in memory, which passes the contract of every mailbox through StoreMailbox."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Final

from appliance.domain.draft import Reply
from appliance.domain.mail import Message, MessageId
from appliance.mailbox.compose import compose
from appliance.mailbox.mailstore import (
    Begun,
    Changes,
    Listed,
    Mail,
    Marks,
    Note,
    Ref,
    Spot,
    StateLost,
    Tag,
)
from appliance.mailbox.places import Place

_INCOMING: Final = (Place.INBOX, Place.HELD, Place.HANDLED, Place.SKIPPED)
START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Item:
    """One mail in a folder; ``number`` is new with each move."""

    number: int
    key: str
    raw: bytes
    place: Place
    received: datetime | None
    tags: dict[Tag, str] = field(default_factory=dict)
    marks: Marks = field(default_factory=Marks)
    answered: bool = False


class MemoryStore:
    """What a server keeps: several accounts' connections may share one ``items``."""

    drafts_prove = True
    limit_seconds = 45.0

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._states = itertools.count(1)
        self._news = threading.Event()
        self.items: dict[Ref, Item] = {}
        self.log: list[tuple[Place, str, Ref]] = []
        self.left: list[bytes] = []
        self.begun = 0
        self.read_refs: list[Ref] = []
        self.known_states: set[str] | None = None
        self.on_leave_note: Callable[[], None] = lambda: None
        self.trouble: Exception | None = None
        self.largest = 10_000

    # What people and other servers do.

    def deliver(
        self, raw: bytes, place: Place = Place.INBOX, *, received: datetime | str | None = "next"
    ) -> Ref:
        number = next(self._numbers)
        moment = START + timedelta(seconds=number) if isinstance(received, str) else received
        key = hashlib.sha256(raw + str(number).encode()).hexdigest()[:20]
        ref = self._put(Item(number=number, key=key, raw=raw, place=place, received=moment))
        self._news.set()
        return ref

    def answer_by_hand(self, ref: Ref) -> None:
        self.items[ref].answered = True
        self.log.append((self.items[ref].place, "changed", ref))

    def lying(self, place: Place) -> list[bytes]:
        return [one.raw for one in self.items.values() if one.place is place]

    def _put(self, item: Item) -> Ref:
        ref = Ref(f"ref-{item.number}")
        self.items[ref] = item
        self.log.append((item.place, "new", ref))
        return ref

    # The protocol.

    def begin(self, place: Place, since: datetime) -> Begun:
        self.begun += 1
        there = [
            self._listed(ref)
            for ref, one in self.items.items()
            if one.place is place and (one.received is None or one.received >= since)
        ]
        return Begun(state=self._state(), waiting=tuple(there))

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        if self.known_states is not None and state not in self.known_states:
            raise StateLost("This state is not known.")
        begin = int(state.rpartition(".")[2])
        taken = self.log[begin : begin + limit]
        new: list[Listed] = []
        changed: list[Listed] = []
        for where, what, ref in taken:
            if where is place and ref in self.items:
                (new if what == "new" else changed).append(self._listed(ref))
        end = begin + len(taken)
        return Changes(
            new=tuple(new),
            changed=tuple(changed),
            state=self._state(end),
            more=end < len(self.log),
        )

    def _state(self, at: int | None = None) -> str:
        # As of a server that gives a new one with every answer.
        made = f"s{next(self._states)}.{len(self.log) if at is None else at}"
        if self.known_states is not None:
            self.known_states.add(made)
        return made

    def _listed(self, ref: Ref) -> Listed:
        one = self.items[ref]
        return Listed(ref=ref, received=one.received, size=len(one.raw), answered=one.answered)

    def read(self, listed: Sequence[Listed]) -> Sequence[Mail]:
        self.read_refs += [one.ref for one in listed]
        return [self._mail(one.ref) for one in listed if one.ref in self.items]

    def _mail(self, ref: Ref) -> Mail:
        one = self.items[ref]
        raw = one.raw if len(one.raw) <= self.largest else None
        return Mail(ref=ref, key=one.key, raw=raw, reply=one.tags.get(Tag.REPLY, ""))

    def keys(self, listed: Sequence[Listed]) -> Mapping[Ref, str]:
        return {one.ref: self.items[one.ref].key for one in listed if one.ref in self.items}

    def locate(self, key: str, message_id: MessageId | None) -> Spot | None:
        for ref, one in self.items.items():
            if one.key == key and one.place in _INCOMING:
                return Spot(ref=ref, place=one.place)
        return None

    def move(self, spot: Spot, to: Place) -> None:
        item = self.items.pop(spot.ref, None)
        if item is not None:
            item.number, item.place = next(self._numbers), to
            self._put(item)

    def mark(self, ref: Ref, marks: Marks) -> None:
        if ref in self.items:
            self.items[ref].marks = marks

    def kin(self, message: Message, limit: int) -> Sequence[tuple[Mail, Place]]:
        found = [
            (self._mail(ref), one.place)
            for ref, one in self.items.items()
            if one.place in {*_INCOMING, Place.SENT} and one.key != message.uid
        ]
        return found[-limit:]

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        number = next(self._numbers)
        item = Item(
            number=number,
            key=f"draft-{number}",
            raw=compose(reply),
            place=Place.DRAFTS,
            received=None,
            tags=dict(tags),
        )
        return self._put(item)

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        return [
            ref
            for ref, one in self.items.items()
            if one.place is place and one.tags.get(tag) == value
        ]

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        commit()
        if self.trouble is not None:
            raise self.trouble
        self.left.append(self.items[ref].raw)
        self.move(Spot(ref=ref, place=Place.DRAFTS), Place.SENT)

    def remove(self, refs: Sequence[Ref]) -> None:
        for ref in refs:
            self.items.pop(ref, None)

    def notes(self) -> Sequence[Note]:
        if self.trouble is not None:
            raise self.trouble
        found = []
        for ref, one in self.items.items():
            if one.place is Place.CLAIM:
                head = message_from_bytes(one.raw)
                note = Note(ref=ref, box=head["box"], host=head["host"], beat=head["beat"])
                found.append(note)
        return found

    def leave_note(self, *, box: str, host: str, beat: str) -> None:
        self.on_leave_note()
        raw = f"box: {box}\nhost: {host}\nbeat: {beat}\n\n".encode()
        number = next(self._numbers)
        self._put(Item(number=number, key=beat, raw=raw, place=Place.CLAIM, received=None))

    def wait(self, seconds: float) -> bool:
        woken = self._news.wait(seconds)
        self._news.clear()
        return woken

    def wake(self) -> None:
        self._news.set()

    def close(self) -> None:
        """There is nothing open."""
