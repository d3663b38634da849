"""Turns the bytes of tokens into text: whole characters only, and nothing from a stop string on."""

import codecs
from collections.abc import Callable


class TextStream:
    """Collects a completion piece by piece.

    What could be the beginning of a stop string or of a character is held back until it is clear,
    so ``watch`` sees exactly the text of the completion and never more.

    Args:
        stop: strings that end the text and are not part of it; empty ones are ignored.
        watch: gets each new piece of text, never an empty one.
    """

    def __init__(self, stop: tuple[str, ...], watch: Callable[[str], None] | None) -> None:
        self._stop = tuple(end for end in stop if end)
        self._watch = watch
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._shown: list[str] = []
        self._held = ""
        self.stopped = False

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return "".join(self._shown)

    def feed(self, piece: bytes) -> bool:
        """Add the bytes of one token; True when a stop string was completed."""
        self._held += self._decoder.decode(piece)
        found = [at for end in self._stop if (at := self._held.find(end)) >= 0]
        if found:
            self._show(min(found))
            self._held = ""
            self.stopped = True
        else:
            self._show(len(self._held) - self._open())
        return self.stopped

    def finish(self) -> str:
        """Show what was held back and return the whole text; half a character is dropped."""
        self._show(len(self._held))
        return self.text

    def _open(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        longest = max((len(end) for end in self._stop), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(end.startswith(self._held[-length:]) for end in self._stop):
                return length
        return 0

    def _show(self, length: int) -> None:
        piece, self._held = self._held[:length], self._held[length:]
        if not piece:
            return
        self._shown.append(piece)
        if self._watch is not None:
            self._watch(piece)
