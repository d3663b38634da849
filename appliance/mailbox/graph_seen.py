"""What is remembered of states of synchronisation: which mails they told of, what came after."""

from collections.abc import Iterable
from typing import Final

from appliance.domain.ports import Clock

_KEEP_SECONDS: Final = 3600.0
_MAILS: Final = 20_000
_STATES: Final = 1_000


class Ahead:
    """The newest state that says the same as the one a caller has. Not safe for threads.

    A server gives a new state with each answer and gives up the oldest ones, while a caller keeps
    the state after which nothing came: to write down a new one every minute wears its disk out.
    """

    def __init__(self, clock: Clock, keep: float = _KEEP_SECONDS) -> None:
        self._clock = clock
        self._keep = keep
        self._state = self._newest = ""
        self._since = 0.0

    def of(self, state: str) -> str:
        """What to ask the server with, for a caller who has ``state``."""
        return self._newest if state == self._state else state

    def nothing_since(self, state: str, newest: str) -> None:
        """Nothing came between the two."""
        if state != self._state:
            self._state, self._since = state, self._clock.steady()
        self._newest = newest

    def given(self, state: str) -> str:
        """What a caller who has ``state`` keeps: the same, and now and then the newest."""
        if state != self._state or self._clock.steady() - self._since < self._keep:
            return state
        self._state, self._since = self._newest, self._clock.steady()
        return self._newest


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

    def same(self, state: str, as_state: str) -> None:
        """Whoever comes with ``state`` has heard of the same as with the other."""
        turn = self._states.get(as_state)
        if turn is not None:
            self._states[state] = turn

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
