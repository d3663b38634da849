"""What the daemon tells the service manager (sd_notify(3)); nothing where there is none."""

import logging
import socket
from collections.abc import Mapping
from typing import Final, Self

log = logging.getLogger(__name__)

_SEND_SECONDS: Final = 1.0
_LONGEST: Final = 400


class Service:
    """Speaks to the socket of ``$NOTIFY_SOCKET``; a message that cannot be sent is no error."""

    def __init__(self, *, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = _address(address) if address else None
        self._watchdog_seconds = watchdog_seconds
        self._silent = False

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """As the environment of process ``pid`` says (sd_notify(3), sd_watchdog_enabled(3))."""
        microseconds = environment.get("WATCHDOG_USEC", "")
        for_us = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watched = for_us and microseconds.isdecimal() and int(microseconds) > 0
        return cls(
            address=environment.get("NOTIFY_SOCKET"),
            watchdog_seconds=int(microseconds) / 1e6 if watched else None,
        )

    def watchdog_interval(self) -> float | None:
        """Seconds between two ``alive``, half of what is allowed; None: nobody watches."""
        return None if self._watchdog_seconds is None else self._watchdog_seconds / 2

    def ready(self, status: str = "") -> None:
        """The daemon works."""
        self._tell("READY=1", _status(status))

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._tell(_status(status))

    def alive(self) -> None:
        """The watchdog may start counting anew."""
        self._tell("WATCHDOG=1")

    def reloading(self, steady: float) -> None:
        """The configuration is read again, until ``ready``; ``steady``: seconds, monotonic."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(steady * 1e6)}")

    def stopping(self, status: str = "") -> None:
        """The daemon ends."""
        self._tell("STOPPING=1", _status(status))

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        message = "\n".join(line for line in lines if line)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SEND_SECONDS)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._silent:
                log.warning("the service manager does not listen: %s", error.strerror)
            self._silent = True
        else:
            self._silent = False


def _address(address: str) -> str:
    """An ``@`` in front means the abstract namespace (unix(7))."""
    return "\0" + address[1:] if address.startswith("@") else address


def _status(status: str) -> str:
    return f"STATUS={' '.join(status.split())[:_LONGEST]}" if status else ""
