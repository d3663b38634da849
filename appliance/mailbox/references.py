"""Which files of a Maildir belong to one thread, told from their headers alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.domain.mail import MessageId
from appliance.mailbox.headers import ids
from appliance.mailbox.maildir import Folder, Maildir, MailFile

FOLDERS: Final = (Folder.INBOX, Folder.HANDLED, Folder.HELD, Folder.SKIPPED, Folder.SENT)
"""Where a thread is looked for; a draft is not part of it."""

_HEAD: Final = 65_536
_NEWEST: Final = 20_000
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_END: Final = re.compile(rb"\r?\n\r?\n")
_FIELD: Final = re.compile(
    rb"^(message-id|in-reply-to|references)[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """A mail as the index knows it; ``parents`` are In-Reply-To and References."""

    file: MailFile
    id: MessageId | None
    parents: frozenset[MessageId]


@dataclass(slots=True, kw_only=True)
class _Shelf:
    """One folder as it was when its directories were changed last."""

    modified: tuple[int, ...] = ()
    kin: dict[str, Kin] = field(default_factory=dict)


class References:
    """Message-IDs of a Maildir, kept in memory and renewed by the directories' modification times.

    A file is opened once, and only its head (64 KiB) is read. Of a folder with more than 20,000
    mails the newest by name are known. Not safe for threads: the owner holds a lock.
    """

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir
        self._shelves = {folder: _Shelf() for folder in FOLDERS}
        self._by_id: dict[MessageId, list[Kin]] = {}
        self._by_parent: dict[MessageId, list[Kin]] = {}

    def renew(self, *, trust_times: bool) -> None:
        """Learn what changed; without ``trust_times`` every directory is listed again.

        Two changes within one tick of the file system's clock look like one: whoever needs proof
        lists again.
        """
        changed = False
        for folder, shelf in self._shelves.items():
            modified = self._modified(folder)
            if modified == shelf.modified and trust_times:
                continue
            shelf.modified = modified
            shelf.kin = self._shelve(folder, shelf.kin)
            changed = True
        if changed:
            self._connect()

    def distrust(self) -> None:
        """Something was moved by ourselves: the next ``renew`` lists again."""
        for shelf in self._shelves.values():
            shelf.modified = ()

    def holding(self, message_id: MessageId) -> bool:
        """A mail with this Message-ID lies in one of the folders."""
        return message_id in self._by_id

    def kin(self, wanted: Iterable[MessageId], limit: int) -> list[Kin]:
        """At most ``limit`` mails that are or name one of ``wanted``, and, in turn, theirs."""
        open_ids = list(dict.fromkeys(wanted))
        known = set(open_ids)
        found: dict[str, Kin] = {}
        while open_ids and len(found) < limit:
            message_id = open_ids.pop(0)
            for kin in (*self._by_id.get(message_id, ()), *self._by_parent.get(message_id, ())):
                if len(found) == limit or kin.file.key in found:
                    continue
                found[kin.file.key] = kin
                fresh = ({kin.id} if kin.id else frozenset()) | kin.parents
                open_ids += sorted(fresh - known)
                known |= fresh
        return list(found.values())

    def _modified(self, folder: Folder) -> tuple[int, ...]:
        with self._maildir.door():
            return tuple(path.stat().st_mtime_ns for path in self._maildir.directories(folder))

    def _shelve(self, folder: Folder, known: dict[str, Kin]) -> dict[str, Kin]:
        files = sorted(self._maildir.files(folder), key=lambda file: file.key)[-_NEWEST:]
        shelf = {}
        for file in files:
            before = known.get(file.key)
            shelf[file.key] = replace(before, file=file) if before else self._look(file)
        return shelf

    def _connect(self) -> None:
        self._by_id.clear()
        self._by_parent.clear()
        for shelf in self._shelves.values():
            for kin in shelf.kin.values():
                self._remember(kin)

    def _remember(self, kin: Kin) -> None:
        if kin.id is not None:
            self._by_id.setdefault(kin.id, []).append(kin)
        for parent in kin.parents:
            self._by_parent.setdefault(parent, []).append(kin)

    def _look(self, file: MailFile) -> Kin:
        try:
            head = self._maildir.read(file, _HEAD)
        except OSError:
            return Kin(file=file, id=None, parents=frozenset())
        return _kin(file, head)


def _kin(file: MailFile, raw: bytes) -> Kin:
    """The ids of a mail from its raw head (RFC 5322 §3.6.4)."""
    end = _END.search(raw)
    own: MessageId | None = None
    parents: set[MessageId] = set()
    for name, value in _FIELD.findall(raw[: end.start()] if end else raw):
        found = ids((_FOLD.sub(b"", value).decode("ascii", "surrogateescape"),))
        if name.lower() != b"message-id":
            parents.update(found)
        elif own is None and found:
            own = found[0]
    return Kin(file=file, id=own, parents=frozenset(parents))
