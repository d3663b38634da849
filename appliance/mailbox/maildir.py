"""A Maildir on disk: which files lie where, and moves that survive a power cut.

The standard library's ``mailbox.Maildir`` writes whole mails at once and syncs no directory.
Sending needs a pause between the written file and its rename, so the few system calls stand here.
"""

import errno
import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from appliance.domain.errors import AlreadyRunning, DiskFull, MailboxUnreachable


class Folder(StrEnum):
    """A folder of the account; the inbox is the root itself."""

    INBOX = ""
    SENT = "Sent"
    DRAFTS = "Drafts"
    HANDLED = "Handled"
    HELD = "Held"
    SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFile:
    """One file of a Maildir; ``place`` is ``new`` or ``cur``."""

    folder: Folder
    place: str
    name: str

    @property
    def key(self) -> str:
        """The unique part of the name: it stays when flags or folder change."""
        return self.name.partition(":")[0]

    @property
    def flags(self) -> str:
        """The flags behind ``:2,``."""
        return self.name.partition(":2,")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """A file under a name that tells nothing of how it came; it may still be growing.

    ``written`` and ``changed`` are its modification and status times in nanoseconds.
    """

    path: Path
    inode: int
    size: int
    written: int
    changed: int


_PLACES: Final = ("new", "cur")
_UNIQUE: Final = r"[!-9;-~]+"
# Named by a program: it begins with seconds or carries flags. Such a file came whole, by a rename.
_DELIVERED: Final = re.compile(rf"\d{{9,}}\.{_UNIQUE}(:[!-~]*)?|{_UNIQUE}:2,[A-Za-z]*")
_SAFE: Final = re.compile(_UNIQUE)
_OWN: Final = re.compile(r"R[0-9a-f]{32}\.appliance(:[!-~]*)?")
_LOCK: Final = ".appliance.lock"
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Maildir:
    """The folders under ``root``.

    Every method raises DiskFull where there is no room and MailboxUnreachable on any other refusal
    of the file system; both texts name the mailbox and no mail.
    """

    def __init__(self, *, name: str, root: Path) -> None:
        self._name = name
        self.root = root
        self._holding = threading.Lock()
        self._held: int | None = None

    def hold(self) -> None:
        """Own the Maildir until ``release`` or the end of the process; twice is the same as once.

        The kernel lets go of the lock however the process ends. A lock file that is gone, or a root
        that was mounted anew, is locked anew. A file system without locks cannot tell of others.

        Raises:
            AlreadyRunning: another process, or another mailbox of this one, holds it.
        """
        with self._holding, self.door():
            if self._held is not None and _same(self._held, self.root / _LOCK):
                return
            self._let_go()
            descriptor = self._lock_file()
            try:
                _lock(descriptor)
            except BlockingIOError as error:
                os.close(descriptor)
                raise AlreadyRunning(
                    f"Mailbox {self._name}: another appliance answers {self.root}. Two would "
                    "answer everything twice; stop the other one or give this one another folder."
                ) from error
            except OSError:
                os.close(descriptor)
                raise
            self._held = descriptor

    def release(self) -> None:
        """Let another process have the Maildir; twice is the same as once."""
        with self._holding:
            self._let_go()

    def _lock_file(self) -> int:
        return os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def watched(self) -> tuple[Path, ...]:
        """Directories where new mail appears."""
        return (self.root, self.root / "new", self.root / "cur")

    def create(self) -> None:
        """Make what is missing, the root included."""
        with self.door():
            self.root.mkdir(parents=True, exist_ok=True)
            self._complete()
            # Made before anybody watches the root: a new file there looks like a dropped mail.
            os.close(self._lock_file())

    def tidy(self) -> None:
        """Remove what an earlier run of the holder left half written."""
        with self.door():
            for folder in Folder:
                self._forget_unfinished(folder)

    def require(self) -> None:
        """Refuse where the root is gone: an unmounted disk must not become a new folder.

        Raises:
            AlreadyRunning: somebody else has taken it meanwhile.
        """
        with self.door():
            self.root.stat()
        self.hold()
        with self.door():
            self._complete()

    def _complete(self) -> None:
        for folder in Folder:
            for place in ("tmp", *_PLACES):
                self._directory(folder, place).mkdir(parents=True, exist_ok=True)

    def _forget_unfinished(self, folder: Folder) -> None:
        directory = self._directory(folder, "tmp")
        for path in directory.iterdir():
            if _OWN.fullmatch(path.name):
                path.unlink()

    def _directory(self, folder: Folder, place: str) -> Path:
        return self.root / folder / place

    def path(self, file: MailFile) -> Path:
        """Where the file lies."""
        return self._directory(file.folder, file.place) / file.name

    def directories(self, folder: Folder) -> tuple[Path, ...]:
        """The directories that hold the mails of a folder."""
        return tuple(self._directory(folder, place) for place in _PLACES)

    def files(self, folder: Folder) -> list[MailFile]:
        """Every delivered mail of a folder, in no order."""
        found = []
        with self.door():
            for directory in self.directories(folder):
                found += [
                    MailFile(folder=folder, place=directory.name, name=entry.name)
                    for entry in _regular(directory)
                    if folder is not Folder.INBOX or _DELIVERED.fullmatch(entry.name)
                ]
        return found

    def find(self, key: str, folders: tuple[Folder, ...]) -> MailFile | None:
        """The file with this key, in the first of the folders that has it."""
        return next(
            (file for folder in folders for file in self.files(folder) if file.key == key), None
        )

    def read(self, file: MailFile, limit: int = -1) -> bytes:
        """At most ``limit`` bytes of the file (all: -1); a symbolic link is refused.

        Raises:
            OSError: as the system says it; one bad file is no matter of the whole mailbox.
        """
        descriptor = os.open(self.path(file), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read(limit)

    def deposit(
        self, folder: Folder, key: str, raw: bytes, before: Callable[[], None] | None = None
    ) -> None:
        """Write a mail durably; ``before`` runs when only the rename is left to do.

        What goes wrong up to and with ``before`` leaves nothing behind. A rename that found no room
        raises DiskFull and did not happen; any other failure after ``before`` proves nothing.
        """
        unfinished = self._directory(folder, "tmp") / key
        target = self._directory(folder, "new") / key
        try:
            with self.door():
                _write(unfinished, raw)
            if before is not None:
                before()
            with self.door():
                unfinished.rename(target)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        try:
            _sync(target.parent)
        except OSError as error:
            raise MailboxUnreachable(
                f"Mailbox {self._name}: the disk did not confirm a written mail."
            ) from error

    def move(self, file: MailFile, folder: Folder, flags: str) -> None:
        """Put a file into ``cur`` of a folder; a file that is gone is no error."""
        source = self.path(file)
        target = self._directory(folder, "cur") / f"{file.key}:2,{flags}"
        with self.door():
            try:
                source.rename(target)
            except FileNotFoundError:
                if source.parent.is_dir() and target.parent.is_dir():
                    return
                raise
            _sync(target.parent)
            _sync(source.parent)

    def remove(self, file: MailFile) -> None:
        """Delete a file; one that is gone is no error."""
        with self.door(), suppress(FileNotFoundError):
            self.path(file).unlink()

    def loose(self) -> list[Loose]:
        """Files under names of their own: ``*.eml`` in the root, any in ``new`` and ``cur``."""
        with self.door():
            entries = [e for e in _regular(self.root) if e.name.lower().endswith(".eml")]
            for directory in self.directories(Folder.INBOX):
                entries += [e for e in _regular(directory) if not _DELIVERED.fullmatch(e.name)]
            return [loose for entry in entries if (loose := _loose(entry)) is not None]

    def adopt(self, loose: Loose) -> None:
        """Put a loose file among the mail of the inbox.

        In ``new`` and ``cur`` its name becomes its key, unless that key is taken. In the root
        people call two mails the same on two days, so there the key is made of time and inode.
        """
        name = loose.path.name
        seconds, rest = divmod(loose.written, 1_000_000_000)
        made = f"{max(seconds, 10**8)}.I{loose.inode}M{rest}C{loose.changed}.dropped"
        placed = loose.path.parent != self.root and _SAFE.fullmatch(name)
        key = name if placed and self.find(name, tuple(Folder)) is None else made
        target = self._directory(Folder.INBOX, "cur") / f"{key}:2,"
        with self.door(), suppress(FileNotFoundError):
            loose.path.rename(target)
            _sync(target.parent)
            _sync(loose.path.parent)

    @contextmanager
    def door(self) -> Iterator[None]:
        """Turn refusals of the file system into the mailbox's own errors."""
        try:
            yield
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise DiskFull(
                    f"Mailbox {self._name}: there is no room left on the disk of {self.root}."
                ) from error
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                raise MailboxUnreachable(
                    f"Mailbox {self._name}: the folder {self.root} is gone. Mount or restore it, "
                    "or correct `path` in the configuration."
                ) from error
            raise MailboxUnreachable(
                f"Mailbox {self._name}: the folder {self.root} cannot be used "
                f"({os.strerror(error.errno or errno.EIO)})."
            ) from error


def _regular(directory: Path) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return [
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
        ]


def _loose(entry: os.DirEntry[str]) -> Loose | None:
    try:
        stat = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Loose(
        path=Path(entry.path),
        inode=stat.st_ino,
        size=stat.st_size,
        written=stat.st_mtime_ns,
        changed=stat.st_ctime_ns,
    )


def _same(descriptor: int, path: Path) -> bool:
    """The open file still lies under its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _write(path: Path, raw: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(raw)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
