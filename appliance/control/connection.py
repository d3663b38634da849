"""A caller's connection: what came of its next line, and how much patience there is with it."""

import socket
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much patience the server has.

    Attributes:
        connections: open at the same time; beyond them the longest silent one is closed.
        workers: requests answered at the same time.
        idle_seconds: a connection may be silent this long.
        write_seconds: a caller may take this long to read an answer.
    """

    connections: int = 128
    workers: int = 4
    idle_seconds: float = 30.0
    write_seconds: float = 10.0


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """A caller's socket, what came of its next line, and when it was heard last."""

    socket: socket.socket
    heard: float
    received: bytearray = field(default_factory=bytearray)
    scanned: int = 0

    def take(self) -> bytes | None:
        """The next whole line, or None."""
        end = self.received.find(b"\n", self.scanned)
        if end < 0:
            self.scanned = len(self.received)
            return None
        taken = bytes(self.received[:end])
        del self.received[: end + 1]
        self.scanned = 0
        return taken
