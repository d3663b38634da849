"""Remembers which mails a state of synchronisation has told of: Graph calls new and changed one."""

from collections.abc import Iterable
from typing import Final

_MAILS: Final = 20_000
_STATES: Final = 1_000


class Seen:
    """What was told by when, in this run and within bounds. Not safe for threads.

    A state counts for what was told up to it and no further, so a caller who failed and asks again
    from an older state hears of the same mails as new again.
    """

    def __init__(self, mails: int = _MAILS, states: int = _STATES) -> None:
        self._most_mails = mails
        self._most_states = states
        self._turn = 0
        self._mails: dict[str, int] = {}
        self._states: dict[str, int] = {}

    def told(self, ids: Iterable[str], state: str) -> None:
        """Whoever comes with ``state`` has heard of these, and of all that was told before."""
        self._turn += 1
        for one in ids:
            self._mails.setdefault(one, self._turn)
        self._states.pop(state, None)
        self._states[state] = self._turn
        _trim(self._mails, self._most_mails)
        _trim(self._states, self._most_states)

    def knows(self, state: str, one: str) -> bool:
        """Whether a caller with ``state`` has certainly heard of a mail."""
        by, when = self._states.get(state), self._mails.get(one)
        return by is not None and when is not None and when <= by

    def forget(self, ids: Iterable[str]) -> None:
        """These left the folder: should they come back, they are new."""
        for one in ids:
            self._mails.pop(one, None)


def _trim(kept: dict[str, int], most: int) -> None:
    while len(kept) > most:
        kept.pop(next(iter(kept)))
