"""Writing a small file whole: after a power cut it is the old one or the new one, never half."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from appliance.domain.errors import ConfigError, DiskFull

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` where ``path`` is, readable by the owner alone, on disk when this returns.

    What root replaces goes on belonging to whom it belonged: else the service could not read the
    tokens any more that a person's command renewed.

    Raises:
        DiskFull: there is no room; the old file is untouched.
        ConfigError: the directory cannot be written to; the old file is untouched.
    """
    try:
        _replace(path, content)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(f"There is no room to write {path}.") from error
        raise ConfigError((f"{path}: it cannot be written: {error.strerror}.",)) from error


def _replace(path: Path, content: bytes) -> None:
    owner = _owner(path)
    # mkstemp makes the file with mode 0600.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_directory(path.parent)


def _owner(path: Path) -> tuple[int, int] | None:
    """User and group of the file that is there; None: there is none, or it cannot be given away."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        kept = path.lstat()
        return kept.st_uid, kept.st_gid
    return None


def _sync_directory(directory: Path) -> None:
    """Without this the rename itself may be lost in a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
