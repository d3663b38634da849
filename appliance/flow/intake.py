"""Mail in: fetch from one mailbox, put each message on disk as a job, and wait for more."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from random import SystemRandom
from typing import Final

from appliance.domain.errors import (
    AlreadyRunning,
    ApplianceError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
    OperatorError,
)
from appliance.domain.mail import Cursor
from appliance.flow.floor import Floor
from appliance.flow.outside import Outside

log = logging.getLogger(__name__)

BATCH: Final = 50
_FIRST_WAIT: Final = timedelta(seconds=1)
_SHORT_WAIT: Final = timedelta(seconds=3)
"""Longest wait between two tries during the first minutes of an outage, before its jitter: mail is
fetched within 5 s of the server's return."""

_SHORT_OUTAGE: Final = timedelta(minutes=10)
_JITTER: Final = 0.25
_OPERATOR_WAIT: Final = timedelta(minutes=5)
_RIVAL_WAIT: Final = timedelta(minutes=1)
"""Another box may end any time, and then the mail waits for this one."""


class Intake:
    """Brings the mail of one mailbox in; adding a mail claims nothing."""

    def __init__(
        self,
        *,
        mailbox: str,
        floor: Floor,
        arrived: Callable[[], None],
        chance: Callable[[], float] | None = None,
    ) -> None:
        """``arrived`` is called after each batch that brought something; ``chance`` is 0 to 1."""
        self._name = mailbox
        self._desks = floor.desks
        self._store = floor.store
        self._health = floor.health
        self._clock = floor.clock
        self._arrived = arrived
        self._chance = chance or SystemRandom().random
        self._outside = Outside(floor.store, floor.clock)
        self._stop = threading.Event()
        self._failures = 0
        self._failing_since: float | None = None
        self._cursor: Cursor | None = None

    @property
    def part(self) -> str:
        """Its name on the status page."""
        return f"mail in {self._name}"

    def stop(self) -> None:
        """End ``run`` soon, also from within a wait."""
        self._stop.set()
        self._desks[self._name].mailbox.wake()

    def run(self) -> None:
        """Fetch and wait until stopped."""
        while not self._stop.is_set():
            wait = self._attempt()
            if self._stop.is_set():
                return
            if self._failures:
                self._stop.wait(wait.total_seconds())
            else:
                self._rest(wait)

    def _rest(self, wait: timedelta) -> None:
        try:
            self._desks[self._name].mailbox.wait(wait)
        except ApplianceError as error:
            lasting = isinstance(error, OperatorError)
            self._health.broken(self.part, str(error), lasting=lasting)
            self._stop.wait(_FIRST_WAIT.total_seconds())

    def _attempt(self) -> timedelta:
        poll = timedelta(seconds=self._desks[self._name].settings.poll_seconds)
        try:
            while self.once() and not self._stop.is_set():
                # A first look at a full inbox takes longer than a silence may last.
                self._health.proven(self.part)
            self._outside.look(self._desks[self._name])
        except (MailboxUnreachable, DiskFull) as error:
            self._failures += 1
            self._health.broken(self.part, str(error))
            return self._pause(poll)
        except (CredentialsRefused, OperatorError) as error:
            self._failures += 1
            self._health.broken(self.part, str(error), lasting=True)
            return _RIVAL_WAIT if isinstance(error, AlreadyRunning) else _OPERATOR_WAIT
        self._failures = 0
        self._failing_since = None
        self._health.proven(self.part)
        return poll

    def _pause(self, poll: timedelta) -> timedelta:
        """The wait before the next try: 1, 2, then 3 s, in a long outage as long as a poll.

        Jittered, so that thirty boxes do not come back to one server in the same second.
        """
        now = self._clock.steady()
        if self._failing_since is None:
            self._failing_since = now
        long = now - self._failing_since > _SHORT_OUTAGE.total_seconds()
        longest = max(poll, _SHORT_WAIT) if long else _SHORT_WAIT
        wait = min(_FIRST_WAIT * (1 << min(self._failures - 1, 12)), longest)
        return max(wait * (1 - _JITTER + 2 * _JITTER * self._chance()), _FIRST_WAIT)

    def once(self) -> int:
        """Fetch one batch; returns how many mails it held, so 0 means there is nothing more.

        Raises:
            TransientError, OperatorError: from the mailbox or the store; what was stored stays.
        """
        desk = self._desks[self._name]
        since = self._cursor or self._store.cursor(self._name)
        batch = desk.mailbox.fetch(since, BATCH)
        added = 0
        for uid, why in batch.unreadable:
            job = self._store.unreadable(self._name, uid, why)
            if job is not None:
                added += 1
                log.warning("job=%d state=parked mailbox=%s unreadable", job, self._name)
        for number, message in enumerate(batch.messages, start=1):
            # The cursor comes with the last: what could not be stored has to come again.
            last = number == len(batch.messages)
            job = self._store.enqueue(message, batch.cursor if last else None)
            if job is not None:
                added += 1
                log.info("job=%d state=received mailbox=%s", job, self._name)
        for uid in batch.answered:
            self._outside.marked(desk, uid)
        self._cursor = batch.cursor
        if added:
            self._arrived()
        return len(batch.messages) + len(batch.unreadable)
