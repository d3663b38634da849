"""One appliance per account: a note in the account says which one answers it.

Nothing is compared with anybody's clock. A note of another box counts as alive until it was seen
unchanged for ``LEASE_SECONDS`` of our own steady time; each renewal is a new note.
"""

import os
import threading
from collections.abc import Sequence
from typing import Final

from appliance.domain.errors import AlreadyRunning, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.mailstore import MailStore, Note

BEAT_SECONDS: Final = 120.0
"""The note is written anew this often."""

LEASE_SECONDS: Final = 300.0
"""A note that stays the same for so long is of a box that is gone."""

_ASKED_SECONDS: Final = 5.0
_JITTER_SECONDS: Final = 20.0


class StoreClaim:
    """The claim of one box on one account. Safe for threads."""

    def __init__(self, store: MailStore, *, box: str, host: str, clock: Clock) -> None:
        """``box`` tells this box from every other; ``host`` is for the person who reads a note."""
        self._store = store
        self._box = box
        self._host = host
        self._clock = clock
        self._lock = threading.Lock()
        self._held: float | None = None
        self._refusal: tuple[float, AlreadyRunning] | None = None
        self._seen: dict[tuple[str, str], float] = {}
        self._run = os.urandom(6).hex()
        self._written = 0
        self._left: frozenset[str] = frozenset()
        self._had = False

    def hold(self) -> None:
        """Make sure that the account is ours; asks the server once in ``BEAT_SECONDS``.

        Raises:
            AlreadyRunning: another box answers it.
        """
        with self._lock:
            now = self._clock.steady()
            if self._held is not None and now - self._held < BEAT_SECONDS:
                return
            if self._refusal is not None and now < self._refusal[0]:
                raise AlreadyRunning(str(self._refusal[1])) from self._refusal[1]
            try:
                self._renew(now)
            except AlreadyRunning as error:
                wait = _ASKED_SECONDS + _JITTER_SECONDS * os.urandom(1)[0] / 255
                self._refusal = (self._clock.steady() + wait, error)
                self._held = None
                raise
            self._held, self._refusal, self._had = now, None, True

    def give_up(self) -> None:
        """Let another box have the account at once."""
        with self._lock:
            if self._held is not None:
                self._held = None
                self._remove(self._ours(self._store.notes()))

    def _renew(self, now: float) -> None:
        notes = self._store.notes()
        before, others = self._ours(notes), self._alive(notes)
        # Whoever was away for a lease may have been followed this very moment.
        keeps = bool(before) and self._held is not None and now - self._held < LEASE_SECONDS
        if others and not keeps:
            # Who holds it first keeps it: a box that only now asks, or lost its note, yields.
            self._remove(before)
            raise self._taken(others[0])
        # First, so that where nothing can be removed notes do not become more with every beat.
        self._remove_all_but(notes, (*before[-1:], *others))
        self._written += 1
        beat = f"{self._run}.{self._written}"
        self._store.leave_note(box=self._box, host=self._host, beat=beat)
        notes = self._store.notes()
        before, others = self._ours(notes), self._alive(notes)
        mine = [one for one in before if one.beat == beat]
        if not mine:
            # Somebody removed it, or nobody else can see it either: nothing is proven.
            raise MailboxUnreachable("The claim on the mailbox could not be read back.")
        if others and not keeps:
            # Both asked in one moment: both yield, and come again at times of their own.
            self._remove(before)
            raise self._taken(others[0])
        self._remove_all_but(notes, (*mine, *others))

    def _ours(self, notes: Sequence[Note]) -> list[Note]:
        """The notes of this run and, before it has the account, of the runs before it.

        Later, one that we did not write is of a second box with a copy of our disk.
        """
        same = [one for one in notes if one.box == self._box]
        if not self._had:
            self._left |= {one.beat for one in same}
        return [one for one in same if self._wrote(one)]

    def _wrote(self, one: Note) -> bool:
        known = one.beat in self._left or one.beat.startswith(f"{self._run}.")
        return known and one.box == self._box

    def _alive(self, notes: Sequence[Note]) -> list[Note]:
        """Notes of other boxes, but for those that stayed the same for too long under our eyes."""
        now = self._clock.steady()
        others = [one for one in notes if not self._wrote(one)]
        self._seen = {
            (one.box, one.beat): self._seen.get((one.box, one.beat), now) for one in others
        }
        return [one for one in others if now - self._seen[one.box, one.beat] < LEASE_SECONDS]

    def _remove_all_but(self, notes: Sequence[Note], kept: Sequence[Note]) -> None:
        refs = {one.ref for one in kept}
        self._remove([one for one in notes if one.ref not in refs])

    def _remove(self, notes: Sequence[Note]) -> None:
        if notes:
            self._store.remove([one.ref for one in notes])

    def _taken(self, other: Note) -> AlreadyRunning:
        seen = self._clock.steady() - self._seen[other.box, other.beat]
        minutes = int(LEASE_SECONDS - seen) // 60 + 1
        # It goes to a terminal.
        host = "".join(sign for sign in other.host if sign.isprintable())[:100]
        return AlreadyRunning(
            f"Another appliance ({host}) answers this mailbox. Two would answer everything twice, "
            "so this one does nothing. Stop the other one; if it is gone for good, this one takes "
            f"over by itself in {minutes} min."
        )
