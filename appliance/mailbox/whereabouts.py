"""Which mail is which in an IMAP account, wherever it was moved and whatever its UID is now.

UIDs change with every move and all at once with UIDVALIDITY, so the key of a mail is made of what
stays: its headers (Received lines included), its size and its INTERNALDATE, which moving keeps
(RFC 9051 §6.4.7).
"""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from imapclient import IMAPClient

from appliance.domain.mail import Message, MessageId
from appliance.mailbox.folders import Folders
from appliance.mailbox.places import Place

META: Final = ("RFC822.SIZE", "INTERNALDATE")
HEADER: Final = "BODY.PEEK[HEADER]"
_HEADER_ITEM: Final = b"BODY[HEADER]"
_END: Final = re.compile(rb"\r?\n\r?\n")
_REMEMBERED: Final = 5000
_CANDIDATES: Final = 50
_WANTED: Final = re.compile(r"[!-~]{1,900}")
_SEARCHED: Final = (Place.INBOX, Place.HELD, Place.HANDLED, Place.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a mail lies: folder, UIDVALIDITY, UID."""

    place: Place
    validity: int
    uid: int


def key(raw: bytes, size: int, date: datetime | None) -> str:
    """The key of a mail, from its bytes or its header section alone."""
    end = _END.search(raw)
    header = (raw[: end.start()] if end else raw).rstrip(b"\r\n")
    stamp = 0 if date is None else int(date.replace(tzinfo=date.tzinfo or UTC).timestamp())
    seed = b"%d %d\n" % (size, stamp)
    return hashlib.sha256(seed + header).hexdigest()[:40]


def holding(client: IMAPClient, header: str, value: str, *, deleted: bool = False) -> list[int]:
    """UIDs in the open folder whose ``header`` holds ``value``, checked, oldest first.

    Some servers match words or ignore what they do not know, so each hit is looked at.
    ``deleted``: also what is marked as deleted, and only has to be expunged.
    """
    if not _WANTED.fullmatch(value):
        return []
    kept = [] if deleted else ["UNDELETED"]
    found = sorted(client.search([*kept, "HEADER", header, value]))[-_CANDIDATES:]
    if not found:
        return []
    heads = client.fetch(found, [HEADER])
    wanted = re.compile(
        rb"^" + re.escape(header.encode()) + rb":[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*?"
        rb"(?<![^\s<:,])" + re.escape(value.encode()) + rb"(?![^\s>,])",
        re.IGNORECASE | re.MULTILINE,
    )
    return [uid for uid in found if wanted.search(heads.get(uid, {}).get(_HEADER_ITEM) or b"")]


def searched(ids: Iterable[MessageId]) -> list[MessageId]:
    """Those of the ids that a server can be asked for."""
    return [one for one in ids if _WANTED.fullmatch(one)]


class Whereabouts:
    """Finds a mail again; what it remembers is shared by both connections of an account."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self._spots: OrderedDict[str, Spot] = OrderedDict()

    def remember(self, uid: str, spot: Spot) -> None:
        """This is where a mail lies now."""
        with self._lock:
            self._spots[uid] = spot
            self._spots.move_to_end(uid)
            while len(self._spots) > _REMEMBERED:
                self._spots.popitem(last=False)

    def find(self, client: IMAPClient, message: Message) -> Spot | None:
        """Where the mail lies, its folder open; None where it is in none of ours."""
        spot = self._spots.get(message.uid)
        if spot is not None:
            if self._open(client, spot.place) == spot.validity and client.fetch(
                [spot.uid], ["FLAGS"]
            ):
                return spot
            with self._lock:
                self._spots.pop(message.uid, None)
        for place in _SEARCHED:
            found = self.within(client, message, place)
            if found:
                self.remember(message.uid, found[0])
                return found[0]
        return None

    def within(self, client: IMAPClient, message: Message, place: Place) -> list[Spot]:
        """The copies of a mail in one folder, which is open then."""
        validity = self._open(client, place)
        if message.id_given and _WANTED.fullmatch(message.id):
            criteria: Sequence[Any] = ["UNDELETED", "HEADER", "Message-ID", message.id]
        else:
            size = message.size
            criteria = ["UNDELETED", "LARGER", max(size - 1, 0), "SMALLER", size + 1]
        uids = sorted(client.search(criteria))[-_CANDIDATES:]
        if not uids:
            return []
        metas = client.fetch(uids, [*META, HEADER])
        return [
            Spot(place=place, validity=validity, uid=uid)
            for uid in uids
            if uid in metas and key_of(metas[uid]) == message.uid
        ]

    def _open(self, client: IMAPClient, place: Place) -> int:
        return int(self._folders.select(client, place).get(b"UIDVALIDITY", 0))


def key_of(meta: dict[bytes, Any]) -> str:
    """The key from a FETCH answer with ``META`` and ``HEADER``."""
    return key(
        meta.get(_HEADER_ITEM) or b"", meta.get(b"RFC822.SIZE", 0), meta.get(b"INTERNALDATE")
    )
