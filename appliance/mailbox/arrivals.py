"""Mail that comes into an IMAP inbox: batches with a cursor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from imapclient import IMAPClient

from appliance.config.accounts import ImapSettings
from appliance.domain.mail import Batch, Cursor, Message
from appliance.domain.ports import Clock
from appliance.mailbox import mime
from appliance.mailbox.folders import Folders
from appliance.mailbox.marks import Marks
from appliance.mailbox.places import Place
from appliance.mailbox.rest import Rest
from appliance.mailbox.whereabouts import HEADER, META, Spot, Whereabouts, key, key_of

_AT_ONCE: Final = 4 * 1024 * 1024
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """What a cursor says.

    Attributes:
        validity: UIDVALIDITY under which the UIDs hold.
        last: the newest UID that was fetched.
        since: older mail of the first look is not ours to answer.
        until: the newest UID of the first look; beyond it everything is taken.
    """

    validity: int
    last: int
    since: date
    until: int

    @property
    def cursor(self) -> Cursor:
        """The position as it is stored."""
        return Cursor(f"{self.validity}.{self.last}.{self.since.isoformat()}.{self.until}")


class Arrivals:
    """The inbox of one account; every method runs on a line's client."""

    def __init__(
        self,
        *,
        mailbox: str,
        settings: ImapSettings,
        folders: Folders,
        whereabouts: Whereabouts,
        rest: Rest,
        clock: Clock,
    ) -> None:
        self._mailbox = mailbox
        self._settings = settings
        self._folders = folders
        self._whereabouts = whereabouts
        self._clock = clock
        self._stray: tuple[Cursor, int] | None = None
        self._rest = rest
        self._marks = Marks()
        self._backlog: tuple[_Position, list[int]] | None = None

    def fetch(self, client: IMAPClient, since: Cursor | None, limit: int) -> Batch:
        """At most ``limit`` mails beyond the cursor, oldest first.

        With a cursor of another UIDVALIDITY, or one nobody understands, the inbox is gone through
        again: the same mails have the same keys.
        """
        selected = self._folders.select(client, Place.INBOX)
        self._rest.looked(selected)
        if not selected.get(b"EXISTS"):
            return Batch(messages=(), cursor=since)
        position = self._position(client, selected, since)
        found: list[Message | tuple[str, str]] = []
        while not found and (uids := self._beyond(client, position)[:limit]):
            # All of them may be gone by now, while mail beyond them still waits.
            found = list(self._read(client, uids, position.validity))
            position = replace(position, last=uids[-1])
        if not found:
            position = replace(position, last=max(position.last, position.until))
        if since is not None and not _parsed(since, position.validity):
            self._stray = (since, position.last)
        return Batch(
            messages=tuple(one for one in found if isinstance(one, Message)),
            cursor=position.cursor,
            unreadable=tuple(one for one in found if not isinstance(one, Message)),
            answered=self._marks.fresh(client, selected, position.since),
        )

    def _position(self, client: IMAPClient, selected: Any, since: Cursor | None) -> _Position:
        validity = int(selected.get(b"UIDVALIDITY", 0))
        known = _parsed(since, validity) if since is not None else None
        if known is not None:
            return known
        newest = int(selected.get(b"UIDNEXT", 0)) - 1 or max(client.search(["ALL"]), default=0)
        stray = self._stray
        return _Position(
            validity=validity,
            last=stray[1] if stray is not None and stray[0] == since else 0,
            since=_since(since) or self._first_day(client, newest),
            until=newest,
        )

    def _first_day(self, client: IMAPClient, newest: int) -> date:
        """Counted from the newest mail where that is later: the box may not know the time yet."""
        now = self._clock.now()
        stamp = client.fetch([newest], ["INTERNALDATE"]).get(newest, {}).get(b"INTERNALDATE")
        if isinstance(stamp, datetime):
            now = max(now, stamp)
        days = min(self._settings.backlog_days, now.toordinal() - 1)
        return (now - timedelta(days=days)).date()

    def _beyond(self, client: IMAPClient, position: _Position) -> list[int]:
        """UIDs that come next. ``n:*`` names the last mail even where n is beyond it."""
        found: list[int] = []
        if position.last < position.until:
            found += [u for u in self._first_look(client, position) if u > position.last]
        else:
            self._backlog = None
        first = max(position.last, position.until) + 1
        found += [u for u in client.search(["UNDELETED", "UID", f"{first}:*"]) if u >= first]
        return sorted(found)

    def _first_look(self, client: IMAPClient, position: _Position) -> list[int]:
        """UIDs of the first look, asked for once: an old inbox holds ten thousands of mails."""
        whole = replace(position, last=0)
        if self._backlog is None or self._backlog[0] != whole:
            criteria = ["UNDELETED", "UNANSWERED", "SINCE", position.since]
            found = client.search([*criteria, "UID", f"1:{position.until}"])
            self._backlog = (whole, found)
        return self._backlog[1]

    def _read(
        self, client: IMAPClient, uids: Sequence[int], validity: int
    ) -> Iterator[Message | tuple[str, str]]:
        """Each mail, or its key and why it was not read; what is gone by now is left out."""
        metas = client.fetch(uids, META) if uids else {}
        there = [uid for uid in uids if uid in metas]
        for group in _groups(there, metas):
            oversize = metas[group[0]].get(b"RFC822.SIZE", 0) > self._largest
            raws = client.fetch(group, [HEADER, *META] if oversize else ["BODY.PEEK[]"])
            for uid in group:
                answer = raws.get(uid)
                if answer is None:
                    continue
                if oversize:
                    yield key_of(answer), self._too_large()
                    continue
                yield self._message(answer.get(b"BODY[]") or b"", metas[uid], uid, validity)

    def _message(
        self, raw: bytes, meta: dict[bytes, Any], uid: int, validity: int
    ) -> Message | tuple[str, str]:
        name = key(raw, meta.get(b"RFC822.SIZE", 0), meta.get(b"INTERNALDATE"))
        if len(raw) > self._largest:
            return name, self._too_large()
        self._whereabouts.remember(name, Spot(place=Place.INBOX, validity=validity, uid=uid))
        return mime.read(raw, mailbox=self._mailbox, uid=name)

    @property
    def _largest(self) -> int:
        return self._settings.largest_mb * _MEGABYTE

    def _too_large(self) -> str:
        return f"The mail is larger than {self._settings.largest_mb} MB; it stays in the inbox."


def _groups(uids: Sequence[int], metas: dict[int, Any]) -> Iterator[list[int]]:
    """Mails to fetch at once: a few megabytes, a large one alone."""
    group: list[int] = []
    weight = 0
    for uid in uids:
        size = metas[uid].get(b"RFC822.SIZE", 0)
        if group and weight + size > _AT_ONCE:
            yield group
            group, weight = [], 0
        group.append(uid)
        weight += size
    if group:
        yield group


def _parsed(cursor: Cursor, validity: int) -> _Position | None:
    """The position, where the cursor is of this UIDVALIDITY."""
    parts = cursor.split(".")
    since = _since(cursor)
    if since is None or not all(part.isdecimal() for part in (parts[0], parts[1], parts[3])):
        return None
    if int(parts[0]) != validity:
        return None
    return _Position(validity=validity, last=int(parts[1]), since=since, until=int(parts[3]))


def _since(cursor: Cursor | None) -> date | None:
    parts = (cursor or "").split(".")
    try:
        return date.fromisoformat(parts[2]) if len(parts) == 4 else None  # noqa: PLR2004
    except ValueError:
        return None
