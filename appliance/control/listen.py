"""The socket file: made so that it never lies open to others, and a stale one is replaced."""

import contextlib
import os
import shutil
import socket
import stat
from pathlib import Path
from typing import Final

from appliance.domain.errors import AlreadyRunning, ConfigError

GROUP: Final = "appliance-view"
"""The group that may connect, where this machine has it; members of the others belong to it too."""

_MODE: Final = 0o660
_BACKLOG: Final = 128
_PROBE_SECONDS: Final = 2.0


def listen(path: Path) -> socket.socket:
    """A non-blocking socket that listens at ``path``, mode 0660; its directory is made.

    It is bound under another name and renamed, so that callers find the old one, or the new one
    with its final rights, and nothing in between.

    Raises:
        AlreadyRunning: somebody answers there.
        ConfigError: the path is taken by something else, too long, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_other(path)
        return _bound(path)
    except OSError as error:
        reason = error.strerror or "the path is too long for a unix socket"
        raise ConfigError((f"socket: {path} cannot be listened on ({reason}).",)) from error


def identity(path: Path) -> tuple[int, int]:
    """What tells this socket file from a later one of the same name, whose inode may be the same.

    Raises:
        OSError: there is none.
    """
    found = path.lstat()
    return found.st_ino, found.st_ctime_ns


def forget(path: Path, known: tuple[int, int]) -> None:
    """Remove the socket file, unless another has taken its place."""
    with contextlib.suppress(OSError):
        if identity(path) == known:
            path.unlink()


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        listener.bind(str(unfinished))
        unfinished.chmod(_MODE)
        # LookupError: no such group here. PermissionError: only its members may give a file to it.
        with contextlib.suppress(LookupError, PermissionError):
            shutil.chown(unfinished, group=GROUP)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
        unfinished.rename(path)
    except BaseException:
        listener.close()
        unfinished.unlink(missing_ok=True)
        raise
    return listener


def _refuse_other(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError((f"socket: {path} exists and is no socket.",))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except (BlockingIOError, TimeoutError):
            pass
    raise AlreadyRunning(f"An appliance daemon answers on {path} already.")
