"""Mail that comes into a folder of a ``MailStore``: batches with a cursor, oldest first.

At the first look the folder is listed once, and from then on its changes are asked for. A cursor is
JSON: the server's state of synchronisation, the first moment that counts, and during the first look
the place in the list that was reached.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from appliance.domain.errors import MailboxUnreachable
from appliance.domain.mail import Batch, Cursor, Message, MessageId
from appliance.domain.ports import Clock
from appliance.mailbox import mime
from appliance.mailbox.mailstore import Listed, Mail, MailStore, Ref, StateLost
from appliance.mailbox.places import Place

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_TOLD: Final = 5000
_AT_ONCE: Final = 1000
_KEEP_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """What a cursor says.

    Attributes:
        state: the server's state of synchronisation; empty: not begun.
        since: what came earlier is not ours to answer.
        reached: in the first look, time and ref of the last mail that was fetched; None: the first
            look is over.
    """

    state: str
    since: datetime
    reached: tuple[str, str] | None

    @property
    def cursor(self) -> Cursor:
        """The position as it is stored."""
        parts = {"state": self.state, "since": self.since.isoformat(), "reached": self.reached}
        return Cursor(json.dumps({k: v for k, v in parts.items() if v is not None}))


_BEGINNING: Final = _Position(state="", since=_LONG_AGO, reached=("", ""))


class StoreArrivals:
    """One folder of one account; safe for threads."""

    def __init__(
        self,
        *,
        mailbox: str,
        store: MailStore,
        place: Place,
        backlog_days: int,
        largest_mb: int,
        clock: Clock,
    ) -> None:
        """``place`` is the inbox, or Sent for what people sent themselves."""
        self._mailbox = mailbox
        self._store = store
        self._place = place
        self._days = backlog_days
        self._largest_mb = largest_mb
        self._clock = clock
        self._lock = threading.Lock()
        self._at_once = _AT_ONCE
        self._backlog: tuple[str, list[Listed]] | None = None
        self._ahead: tuple[Cursor | None, _Position] = (None, _BEGINNING)
        self._given = clock.steady()
        self._stray: tuple[Cursor, _Position] | None = None
        self._believed: set[datetime] = set()
        self._told: dict[Ref, None] = {}

    def fetch(self, since: Cursor | None, limit: int) -> Batch:
        """At most ``limit`` mails beyond the cursor, oldest first.

        With a cursor that nobody understands, or a state that the server has forgotten, the folder
        is gone through again: the same mails have the same keys.
        """
        with self._lock:
            at_once = min(limit, self._at_once)
            try:
                batch, reached = self._looked(self._position(since), at_once)
            except MailboxUnreachable:
                # On a bad line a few mails get through where many never do.
                self._at_once = max(at_once // 4, 1)
                raise
            self._at_once = min(2 * self._at_once, _AT_ONCE)
            if since is not None and _parsed(since) is None:
                self._stray = (since, reached)
            return self._quiet(since, batch, reached)

    def _quiet(self, since: Cursor | None, batch: Batch, reached: _Position) -> Batch:
        """The batch; where it brought nothing, with the cursor that the caller has already.

        A server gives a new state with every answer, and whoever writes each one down wears a disk
        out. Now and then it is the newest all the same: servers forget the oldest.
        """
        now = self._clock.steady()
        known = _parsed(since) if since is not None else None
        going_on = known is not None and known.reached is None
        brought = bool(batch.messages or batch.unreadable)
        if going_on and not brought and now - self._given < _KEEP_SECONDS:
            self._ahead = (since, reached)
            return replace(batch, cursor=since)
        self._ahead, self._given = (batch.cursor, reached), now
        return batch

    def _looked(self, position: _Position, limit: int) -> tuple[Batch, _Position]:
        try:
            return self._beyond(position, limit)
        except StateLost:
            return self._beyond(replace(position, state="", reached=("", "")), limit)

    def _position(self, since: Cursor | None) -> _Position:
        now = self._clock.now()
        known = None if since is None else self._known(since)
        if known is not None and (known.since <= now or known.since in self._believed):
            return known
        # A clock that was ahead at the first look would pass by whatever comes until then.
        return _Position(state="", since=self._earliest(now), reached=("", ""))

    def _earliest(self, moment: datetime) -> datetime:
        return moment - timedelta(days=min(self._days, moment.toordinal() - 1))

    def _known(self, since: Cursor) -> _Position | None:
        if since == self._ahead[0]:
            return self._ahead[1]
        if self._stray is not None and self._stray[0] == since:
            return self._stray[1]
        return _parsed(since)

    def _beyond(self, position: _Position, limit: int) -> tuple[Batch, _Position]:
        if position.reached is not None:
            return self._first_look(position, limit)
        return self._news(position, limit)

    def _first_look(self, position: _Position, limit: int) -> tuple[Batch, _Position]:
        position, waiting = self._listed(position)
        reached = position.reached
        assert reached is not None
        left = _behind(waiting, reached)
        read: list[Mail] = []
        while left and not read:
            # All of them may be gone by now, while mail beyond them still waits.
            chosen, left = left[:limit], left[limit:]
            read = list(self._store.read(chosen))
            position = replace(position, reached=(_age(chosen[-1]), chosen[-1].ref))
        if not left:
            position = replace(position, reached=None)
            self._backlog = None
        return self._batch(read, (), position), position

    def _listed(self, position: _Position) -> tuple[_Position, list[Listed]]:
        """The first look's list, asked for once in a run: an old inbox holds ten thousands."""
        if self._backlog is None or self._backlog[0] != position.state:
            begun = self._store.begin(self._place, position.since)
            if not position.state:
                since = self._bounded(begun.waiting, position.since)
                position = replace(position, state=begun.state, since=since)
            # After a restart in the middle, what came since the old state is among them, too.
            ours = [one for one in begun.waiting if self._counts(one, position.since)]
            # The order of those of one second has to be the same after a restart.
            ours.sort(key=lambda one: (_age(one), one.ref))
            self._backlog = (position.state, ours)
        return position, self._backlog[1]

    def _bounded(self, waiting: Sequence[Listed], since: datetime) -> datetime:
        """Counted from the newest mail where that is later: the box may not know the time yet."""
        newest = max((one.received for one in waiting if one.received is not None), default=since)
        later = self._earliest(newest)
        if later <= since:
            return since
        self._believed.add(later)
        return later

    def _counts(self, one: Listed, since: datetime) -> bool:
        answered = one.answered and self._place is Place.INBOX
        return not answered and (one.received is None or one.received >= since)

    def _news(self, position: _Position, limit: int) -> tuple[Batch, _Position]:
        read: list[Mail] = []
        changed: list[Listed] = []
        more = True
        while more and not read:
            changes = self._store.changes(self._place, position.state, limit)
            # A server that has more and leads nowhere would be asked for ever.
            more = changes.more and changes.state != position.state
            position = replace(position, state=changes.state)
            # A server that has lost its states replays everything, years-old mail as well.
            new = [one for one in changes.new if self._counts(one, position.since)]
            read = list(self._store.read(sorted(new, key=_age)))
            changed += [one for one in (*changes.new, *changes.changed) if one.answered]
        return self._batch(read, changed, position), position

    def _batch(self, read: Sequence[Mail], changed: Sequence[Listed], position: _Position) -> Batch:
        return Batch(
            messages=tuple(
                message(one, mailbox=self._mailbox) for one in read if one.raw is not None
            ),
            cursor=position.cursor,
            unreadable=tuple((one.key, self._unread()) for one in read if one.raw is None),
            answered=self._answered(changed),
        )

    def _answered(self, changed: Sequence[Listed]) -> tuple[str, ...]:
        """Keys of mails that somebody answered with a mail program, each told once in a run."""
        if self._place is not Place.INBOX:
            return ()
        fresh = [one for one in changed if one.ref not in self._told]
        found = self._store.keys(fresh) if fresh else {}
        self._told.update(dict.fromkeys(found))
        while len(self._told) > _TOLD:
            self._told.pop(next(iter(self._told)))
        return tuple(dict.fromkeys(found.values()))

    def _unread(self) -> str:
        return (
            f"The mail is larger than {self._largest_mb} MB, or the server cannot write it down as "
            "a mail; it stays in the inbox."
        )


def message(mail: Mail, *, mailbox: str) -> Message:
    """The message in a mail; one of ours by the id that we gave it, whatever the server made of it.

    ``mail.raw`` must be there.
    """
    assert mail.raw is not None
    read = mime.read(mail.raw, mailbox=mailbox, uid=mail.key)
    return replace(read, id=MessageId(mail.reply)) if mail.reply else read


def _behind(waiting: Sequence[Listed], reached: tuple[str, str]) -> list[Listed]:
    """What comes after the mail that was fetched last.

    Where that one has gone, others of its second may come again: servers count in seconds.
    """
    for index, one in enumerate(waiting):
        if (_age(one), one.ref) == reached:
            return list(waiting[index + 1 :])
    return [one for one in waiting if _age(one) >= reached[0]]


def _age(one: Listed) -> str:
    """Oldest first, in one second as the server has them; what has no time comes first."""
    moment = _LONG_AGO if one.received is None else one.received.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def _parsed(cursor: Cursor) -> _Position | None:
    try:
        parts: Mapping[str, Any] = json.loads(cursor)
        reached = parts.get("reached")
        return _Position(
            state=str(parts["state"]),
            since=datetime.fromisoformat(parts["since"]),
            reached=None if reached is None else (str(reached[0]), str(reached[1])),
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
