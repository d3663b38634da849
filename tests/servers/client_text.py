"""Tells the commands in what a client of IMAP or SMTP sends from what only belongs to them."""

import re
from collections.abc import Iterator
from typing import Final

LITERAL: Final = re.compile(rb"\{(\d+)(\+?)\}\r\n$")
OPAQUE: Final = re.compile(rb"^(\S+ )?(STARTTLS|COMPRESS)\b", re.IGNORECASE)


class ClientText:
    """Splits what a client sends into commands and what only belongs to them."""

    def __init__(self) -> None:
        self.imap = False
        self.mail = False  # between the DATA of SMTP and the dot
        self.opaque = False
        self.waits = False  # a literal was announced that the server must ask for
        self._literal = 0
        self._inside = False
        self._rest = b""

    def pieces(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """What was completed by ``chunk``, and whether it is the first line of a command."""
        self._rest += chunk
        while self._rest:
            if self.opaque or self._literal:
                size = len(self._rest) if self.opaque else self._literal
                piece, self._rest = self._rest[:size], self._rest[size:]
                self._literal -= min(self._literal, len(piece))
                yield piece, False
                continue
            line, end, rest = self._rest.partition(b"\n")
            if not end:
                return
            self._rest = rest
            yield line + end, self._begins(line + end)

    def _begins(self, line: bytes) -> bool:
        begins = not self._inside and (not self.mail or line.strip() == b".")
        if begins:
            self.mail = False
            self.opaque = OPAQUE.search(line) is not None
        literal = LITERAL.search(line) if self.imap else None
        self._inside = literal is not None
        self._literal = int(literal[1]) if literal else 0
        self.waits = literal is not None and not literal[2]
        return begins
