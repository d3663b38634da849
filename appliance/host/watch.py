"""Folders and files that are watched for changes, so that nobody needs to look every second."""

import errno
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

log = logging.getLogger(__name__)

# Opening and reading are left out: whoever looks at a folder must not ring its own bell.
_EVENTS: Final[list[type[FileSystemEvent]]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
]
_HINTS: Final = {
    errno.ENOSPC: "raise fs.inotify.max_user_watches",
    errno.EMFILE: "raise fs.inotify.max_user_instances",
    errno.ENOENT: "it is missing",
}
_ROUNDS: Final = 20


class Bell:
    """Rings when one of its paths changed; one thread sleeps on it.

    ``wake`` may be called from a signal handler in the very thread that sleeps: the queue between
    them is reentrant, which an event's lock is not.
    """

    def __init__(self, *, quiet_seconds: float, overslept: Callable[["Bell"], None]) -> None:
        self._quiet_seconds = quiet_seconds
        self._overslept = overslept
        self._rings: SimpleQueue[None] = SimpleQueue()
        self._woken = False
        self._lock = threading.Lock()
        self._changed: set[Path] = set()

    def wait(self, seconds: float) -> bool:
        """Sleep until a path changed and then was quiet, or until woken: True; False: time is over.

        What rang since the last wait counts. A folder that never gets quiet is waited for twenty
        times ``quiet_seconds`` at most.
        """
        if not self._heard(seconds):
            self._overslept(self)
            return False
        rounds = _ROUNDS if self._quiet_seconds > 0 else 0
        while rounds and not self._woken and self._heard(self._quiet_seconds):
            rounds -= 1
        self._woken = False
        return True

    def wake(self) -> None:
        """End a running wait, or the next one, at once."""
        self._woken = True
        self._rings.put(None)

    def _heard(self, seconds: float) -> bool:
        try:
            self._rings.get(timeout=max(seconds, 0.0))
            while not self._rings.empty():
                self._rings.get_nowait()
        except Empty:
            return False
        return True

    def ring(self, path: Path) -> None:
        """Say that ``path`` changed."""
        with self._lock:
            self._changed.add(path)
        if self._rings.empty():
            self._rings.put(None)

    def changed(self) -> frozenset[Path]:
        """The paths, as they were given, that changed since this was asked last."""
        with self._lock:
            changed, self._changed = frozenset(self._changed), set()
        return changed


class _Watched(FileSystemEventHandler):
    """One path and the bell it rings; a file is watched in its directory, where it is replaced."""

    def __init__(self, *, path: Path, bell: Bell, recursive: bool) -> None:
        whole = path.is_dir()
        self.path = path
        self.bell = bell
        self.recursive = recursive and whole
        self.directory = (path if whole else path.parent).resolve()
        self.watch: ObservedWatch | None = None
        self.identity: tuple[int, int] | None = None
        self._name = None if whole else path.name

    def on_any_event(self, event: FileSystemEvent) -> None:
        if isinstance(event, DirDeletedEvent) and Path(str(event.src_path)) == self.directory:
            # The next directory of this name may get the same inode.
            self.identity = None
        touched = (event.src_path, event.dest_path)
        if self._name is None or any(Path(str(place)).name == self._name for place in touched):
            self.bell.ring(self.path)

    def identity_now(self) -> tuple[int, int] | None:
        """Device and inode of the directory that lies there; None: none does."""
        with suppress(OSError):
            found = self.directory.stat()
            return found.st_dev, found.st_ino
        return None


class FolderWatch:
    """One watcher for every folder and file of the appliance.

    Where the system gives no watch, the sleeper's own time limit is what finds changes, and
    ``problems`` says so. A folder that is replaced is watched again after the next time limit.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._watched: list[_Watched] = []
        self._observer: BaseObserver | None = None
        self._problems: dict[Path, str] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each path that is not watched."""
        with self._lock:
            return tuple(self._problems.values())

    def bell(self, *paths: Path, recursive: bool = False, quiet_seconds: float = 0.0) -> Bell:
        """A bell for directories (with what is below, if ``recursive``) and single files.

        A path that is no directory now is taken for a file. ``quiet_seconds``: how long a burst of
        changes must be over before the bell is heard.
        """
        bell = Bell(quiet_seconds=quiet_seconds, overslept=self._look_after)
        with self._lock:
            for path in paths:
                watched = _Watched(path=path, bell=bell, recursive=recursive)
                self._watched.append(watched)
                self._schedule(watched)
        return bell

    def close(self) -> None:
        """Watch nothing any more; bells still obey ``wake``."""
        with self._lock:
            observer, self._observer = self._observer, None
            self._watched.clear()
        if observer is not None:
            observer.stop()
            observer.join()

    def _schedule(self, watched: _Watched) -> None:
        watched.identity = watched.identity_now()
        try:
            watched.watch = self._running().schedule(
                watched, str(watched.directory), recursive=watched.recursive, event_filter=_EVENTS
            )
        except OSError as error:
            watched.watch = None
            if watched.path not in self._problems:
                log.warning("a folder is not watched: %s", error.strerror)
            hint = _HINTS.get(error.errno or 0, error.strerror or "unknown reason")
            self._problems[watched.path] = (
                f"{watched.path} is looked at from time to time only, not watched ({hint})."
            )
        else:
            self._problems.pop(watched.path, None)

    def _running(self) -> BaseObserver:
        if self._observer is None:
            self._observer = Observer()
            self._observer.start()
        return self._observer

    def _look_after(self, bell: Bell) -> None:
        """Watch again what was replaced or could not be watched."""
        with self._lock:
            for watched in [one for one in self._watched if one.bell is bell]:
                there = watched.identity_now()
                if there is not None and (watched.watch is None or there != watched.identity):
                    self._watch_again(watched)

    def _watch_again(self, watched: _Watched) -> None:
        """Also for the other bells of the same directory, which share its watch."""
        lost = [watched]
        if watched.watch is not None and self._observer is not None:
            lost = [one for one in self._watched if one.watch == watched.watch]
            with suppress(KeyError):
                self._observer.unschedule(watched.watch)
        for one in lost:
            self._schedule(one)
            if one.watch is not None:
                one.bell.ring(one.path)
