"""The lock that makes one daemon the owner of a state directory."""

import fcntl
import os
from pathlib import Path
from typing import Final

from appliance.domain.errors import AlreadyRunning

_NAME: Final = "lock"


class DirectoryLock:
    """Held from construction until ``release`` or the end of the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another process, or another store of this one, holds it.
            OSError: the lock file cannot be made.
        """
        descriptor = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise AlreadyRunning(
                f"Another daemon owns {directory}; stop it first or choose another directory."
            ) from error
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let another process have the directory; twice is the same as once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
