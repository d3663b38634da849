"""The database file: how it is opened, and the two kinds of transaction there are.

One connection writes and one reads, each behind its own lock. So a console that lists mails never
waits for the disk to take a step (WAL), writers queue up at a lock instead of polling SQLite's, and
memory stays the same however many threads call.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from appliance.domain.errors import TransientError
from appliance.store.faults import translated
from appliance.store.lock import DirectoryLock
from appliance.store.migrate import SCHEMA, migrate

FILE: Final = "appliance.sqlite3"
_BUSY_MILLISECONDS: Final = 5000
_WAL_BYTES: Final = 8 * 1024 * 1024
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
)


class Database:
    """The open database of a state directory."""

    def __init__(self, directory: Path, schema: Path = SCHEMA) -> None:
        """Own the directory, made where it is missing, and bring the database up to date.

        Raises:
            AlreadyRunning: another daemon owns the directory.
            OperatorError: the database is damaged, unusable, or newer than this program.
            DiskFull: there is no room.
        """
        self.directory: Final = directory
        self._writing: Final = threading.Lock()
        self._reading: Final = threading.Lock()
        self._closed = False
        with translated(directory), ExitStack() as opened:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened.callback(DirectoryLock(directory).release)
            path = _private_file(directory / FILE)
            self._writer: Final = opened.enter_context(closing(_connect(path)))
            _prepare(self._writer, schema)
            self._reader: Final = opened.enter_context(closing(_connect(path)))
            self._reader.execute("PRAGMA query_only = ON")
            self._opened: Final = opened.pop_all()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, or did not happen.

        Raises:
            DiskFull, OperatorError, TransientError: nothing was changed.
        """
        with self._writing, self._transaction(self._writer, "BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the whole database and cannot write."""
        with self._reading, self._transaction(self._reader, "BEGIN") as connection:
            yield connection

    @contextmanager
    def _transaction(
        self, connection: sqlite3.Connection, begin: str
    ) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise TransientError("The store is closed.")
        with translated(self.directory):
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors (a full disk among them).
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Finish running transactions and give the directory up; twice is the same as once."""
        with self._writing, self._reading:
            if self._closed:
                return
            self._closed = True
            self._opened.close()


def _private_file(path: Path) -> Path:
    """The file, made where it is missing; SQLite gives its WAL the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
    return path


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def _prepare(connection: sqlite3.Connection, schema: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    # The box loses power: a step that was reported as done must be on the card.
    connection.execute("PRAGMA synchronous = FULL")
    migrate(connection, schema)
