"""The folder mailbox: a Maildir that is read, answered into Sent and Drafts, and filed."""

import errno
import hashlib
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from appliance.domain.draft import Evidence, Reply
from appliance.domain.errors import MessageUnreadable
from appliance.domain.mail import Batch, Cursor, Message, MessageId, Thread
from appliance.domain.ports import Clock
from appliance.domain.verdict import Disposition
from appliance.mailbox import compose, mime
from appliance.mailbox.inbox import SETTLE_SECONDS, Inbox, age
from appliance.mailbox.kinship import LONGEST, assembled
from appliance.mailbox.maildir import Folder, Maildir, MailFile
from appliance.mailbox.references import References


class Waiter(Protocol):
    """Something to sleep on until the watched folders change."""

    def wait(self, seconds: float) -> bool:
        """True: changed or woken, also since the last wait; False: the time is over."""
        ...

    def wake(self) -> None:
        """End a running wait, or the next one, at once."""
        ...


_LARGEST: Final = 20 * 1024 * 1024
_FOLDERS: Final = {
    Disposition.PASS: Folder.HANDLED,
    Disposition.REVIEW: Folder.INBOX,
    Disposition.HOLD: Folder.HELD,
    Disposition.STOP: Folder.SKIPPED,
}
# The inbox first: it is the shortest, and there the mail usually lies.
_FILED: Final = (Folder.INBOX, Folder.HELD, Folder.HANDLED, Folder.SKIPPED)
# A mail program shows what is handled or skipped as read, and what waits for a person as new.
_SEEN: Final = frozenset({Folder.HANDLED, Folder.SKIPPED})
_OURS: Final = re.compile(r"R[0-9a-f]{32}\.appliance")
_SENT_CURSOR: Final = re.compile(r"(\d+)\.((?:[0-9a-f]{2})+)")
_RECENT_NANOSECONDS: Final = 90 * 24 * 3600 * 10**9


def prepare(path: Path, *, name: str) -> tuple[Path, ...]:
    """Make the Maildir of mailbox ``name`` where it is missing; returns the directories to watch.

    It belongs to nobody by that: whoever opens a ``FolderMailbox`` on it holds it.

    Raises:
        DiskFull, MailboxUnreachable: it cannot be made.
    """
    maildir = Maildir(name=name, root=path)
    maildir.create()
    return maildir.watched


class FolderMailbox:
    """The Mailbox port over a Maildir (https://cr.yp.to/proto/maildir.html).

    A mail's uid is the unique part of its file name, so it stays the same in every folder. ``.eml``
    files dropped into the directory itself are taken once they lie unchanged for two seconds.
    Sending is the rename into ``Sent/new``. Threads may share one object; ``prepare`` comes first.
    While it lives no other process can have the Maildir (AlreadyRunning).
    """

    def __init__(self, *, name: str, path: Path, waiter: Waiter, clock: Clock) -> None:
        self.name = name
        self._maildir = Maildir(name=name, root=path)
        self._maildir.hold()
        self._maildir.tidy()
        self._inbox = Inbox(self._maildir)
        self._references = References(self._maildir)
        self._waiter = waiter
        self._clock = clock
        self._lock = threading.Lock()

    def fetch(self, since: Cursor | None, limit: int) -> Batch:
        """At most ``limit`` mails that were not fetched up to the cursor, oldest first.

        After a restart the whole inbox comes again, in batches.
        """
        with self._lock:
            self._maildir.require()
            self._inbox.adopt(now=self._clock.now(), steady=self._clock.steady())
            files, cursor = self._inbox.offer(since, limit)
        messages: list[Message] = []
        unreadable: list[tuple[str, str]] = []
        gone: list[MailFile] = []
        for file in files:
            try:
                messages.append(self._read(file))
            except FileNotFoundError:
                gone.append(file)
            except MessageUnreadable as error:
                unreadable.append((file.key, str(error)))
        with self._lock:
            self._inbox.withdraw(gone)
        return Batch(messages=tuple(messages), cursor=cursor, unreadable=tuple(unreadable))

    def fetch_sent(self, since: Cursor | None, limit: int) -> Batch:
        """Mails in Sent under names that are not ours, by the time they came there.

        The cursor is that time and the name of the last one. It is the status time: the
        modification time may be the Date that a mail program gave, long before the cursor. A mail
        whose flags change comes again. Without a cursor: what is at most three months older than
        the newest.
        """
        self._maildir.require()
        found = []
        for file in self._maildir.files(Folder.SENT):
            if not _OURS.fullmatch(file.key):
                with suppress(FileNotFoundError):
                    came = self._maildir.path(file).stat().st_ctime_ns
                    found.append((came, file))
        newest = max((came for came, _ in found), default=0)
        after = age(*(_position(since) or (newest - _RECENT_NANOSECONDS, "")))
        placed = ((age(came, file.key), came, file) for came, file in found)
        beyond = sorted((one for one in placed if one[0] > after), key=lambda one: one[0])[:limit]
        read = (self._read_again(file) for _, _, file in beyond)
        return Batch(
            messages=tuple(message for message in read if message is not None),
            cursor=_cursor(beyond[-1][1], beyond[-1][2]) if beyond else since,
        )

    def close(self) -> None:
        """Let another appliance have the Maildir; a later call takes it again."""
        self._maildir.release()

    def wait(self, timeout: timedelta) -> bool:
        seconds = timeout.total_seconds()
        with self._lock:
            settling = self._inbox.settling
        return self._waiter.wait(min(seconds, SETTLE_SECONDS) if settling else seconds) or settling

    def wake(self) -> None:
        self._waiter.wake()

    def thread(self, message: Message) -> Thread:
        """What inbox, Handled, Held, Skipped and Sent have of the thread, up to this message.

        Mails that came later and are no ancestors are left out: the last one is the one to answer.
        """
        ancestors = frozenset(
            {*message.references} | ({message.in_reply_to} if message.in_reply_to else set())
        )
        if not ancestors:
            return Thread(messages=(message,))
        with self._lock:
            self._references.renew(trust_times=True)
            kin = self._references.kin((message.id, *sorted(ancestors)), LONGEST + 1)
        read = []
        for relative in kin:
            found = self._read_again(relative.file) if relative.file.key != message.uid else None
            if found is not None:
                read.append((found, relative.file.folder is Folder.SENT))
        return assembled(message, ancestors, read)

    def save_draft(self, reply: Reply) -> None:
        """Put the reply into Drafts, in the place of an earlier version for the same mail."""
        key = f"{_origin(reply.original)}{_key(reply.id)}"
        self._maildir.require()
        if self._maildir.find(key, (Folder.DRAFTS,)) is None:
            self._maildir.deposit(Folder.DRAFTS, key, compose.compose(reply))
        self._remove_drafts(reply.original, but=key)

    def withdraw_drafts(self, message: Message) -> None:
        self._maildir.require()
        self._remove_drafts(message.uid, but="")

    def _remove_drafts(self, uid: str, *, but: str) -> None:
        origin = _origin(uid)
        for file in self._maildir.files(Folder.DRAFTS):
            if file.key.startswith(origin) and file.key != but:
                self._maildir.remove(file)

    def send(self, reply: Reply, commit: Callable[[], None]) -> None:
        """Put the reply into Sent; a reply that lies there already is not written again."""
        key = _key(reply.id)
        self._maildir.require()
        if self._maildir.find(key, (Folder.SENT,)) is not None:
            commit()
            return
        self._maildir.deposit(Folder.SENT, key, compose.compose(reply), before=commit)

    def find_sent(self, reply: Reply) -> Evidence:
        """SENT or NOT_SENT, never UNKNOWN.

        Here absence is proof: the rename into Sent is the sending itself, it happens whole or not
        at all, and no server goes on with it after this process has died. A copy that a person
        renamed or moved to another folder of the account still counts.
        """
        self._maildir.require()
        if self._maildir.find(_key(reply.id), (Folder.SENT,)) is not None:
            return Evidence.SENT
        with self._lock:
            self._references.renew(trust_times=False)
            return Evidence.SENT if self._references.holding(reply.id) else Evidence.NOT_SENT

    def file(self, message: Message, disposition: Disposition, reply: Reply | None = None) -> None:
        """As in the port, but no copy in Sent is made good.

        The copy is the sending itself, so no crash can keep it from being there: where it is
        missing a person removed it, and it stays removed.
        """
        folder = _FOLDERS[disposition]
        self._maildir.require()
        file = self._maildir.find(message.uid, _FILED)
        flags = {"S"} if folder in _SEEN else set()
        if reply is not None:
            flags.add("R")
        if file is None or (file.folder is folder and flags <= set(file.flags)):
            return
        flags |= set(file.flags)
        self._maildir.move(file, folder, "".join(sorted(flags)))
        with self._lock:
            self._references.distrust()

    def _read(self, file: MailFile) -> Message:
        try:
            raw = self._maildir.read(file, _LARGEST + 1)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise MessageUnreadable(
                f"The file cannot be opened ({os.strerror(error.errno or errno.EIO)}); it stays in "
                "the inbox. Make it readable for the service and drop a copy of it in again."
            ) from error
        if len(raw) > _LARGEST:
            raise MessageUnreadable(
                f"The mail is larger than {_LARGEST // 1024**2} MB; it stays in the inbox."
            )
        return mime.read(raw, mailbox=self.name, uid=file.key)

    def _read_again(self, file: MailFile) -> Message | None:
        try:
            return self._read(file)
        except (FileNotFoundError, MessageUnreadable):
            return None


def _cursor(came: int, file: MailFile) -> Cursor:
    # In hex, because a name need not be text.
    return Cursor(f"{came}.{os.fsencode(file.key).hex()}")


def _position(cursor: Cursor | None) -> tuple[int, str] | None:
    found = _SENT_CURSOR.fullmatch(cursor or "")
    return (int(found[1]), os.fsdecode(bytes.fromhex(found[2]))) if found else None


def _origin(uid: str) -> str:
    """What the file names of all drafts for one mail begin with."""
    return f"D{hashlib.sha256(uid.encode()).hexdigest()[:16]}."


def _key(message_id: MessageId) -> str:
    """The file name of a reply: the same Message-ID is the same file."""
    return f"R{hashlib.sha256(message_id.encode()).hexdigest()[:32]}.appliance"
