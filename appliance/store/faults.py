"""Turns what SQLite and the file system refuse into the appliance's own errors."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.domain.errors import (
    ApplianceError,
    DiskFull,
    MessageUnreadable,
    OperatorError,
    TransientError,
)

_PRIMARY: Final = 0xFF
"""The low byte of an extended result code is its primary code (sqlite.org/rescode.html)."""

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_REFUSED: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_ROOM_BYTES: Final = 64 * 1024
"""With less than this free, an I/O error is taken for a full disk: SQLite reports some as such."""


@contextmanager
def translated(directory: Path) -> Iterator[None]:
    """Raise the appliance's errors for those of the database in ``directory``.

    Raises:
        DiskFull: there is no room.
        OperatorError: the database is damaged, or its files cannot be read or written.
        TransientError: another program holds the database.
        MessageUnreadable: a text is not Unicode (lone surrogates).
    """
    try:
        yield
    except sqlite3.Error as error:
        fault = _fault(error, directory)
        if fault is None:
            raise
        raise fault from error
    except UnicodeEncodeError as error:
        raise MessageUnreadable("A text holds characters that are not Unicode.") from error
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise _full() from error
        raise OperatorError(
            f"The directory {directory} cannot be used: {error.strerror}."
        ) from error


def _fault(error: sqlite3.Error, directory: Path) -> ApplianceError | None:
    """The error to raise; None where the program itself is at fault."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY
    if code == sqlite3.SQLITE_FULL:
        return _full()
    if code in _DAMAGED:
        return OperatorError(
            f"The database in {directory} is damaged ({error}). Restore it from a backup."
        )
    if code in _BUSY:
        return TransientError(f"Another program holds the database in {directory}.")
    if code in _REFUSED:
        if _no_room(directory):
            return _full()
        return OperatorError(f"The database in {directory} cannot be read or written ({error}).")
    return None


def _full() -> DiskFull:
    return DiskFull("There is no room left for the database; nothing was changed.")


def _no_room(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free < _NO_ROOM_BYTES
    except OSError:
        return False
