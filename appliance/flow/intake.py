"""Mail in: fetch from one mailbox, put each message on disk as a job, and wait for more."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
    OperatorError,
)
from appliance.domain.mail import Cursor
from appliance.domain.ports import JobStore
from appliance.flow.desk import Desks
from appliance.flow.health import Health

log = logging.getLogger(__name__)

BATCH: Final = 50
_FIRST_WAIT: Final = timedelta(seconds=1)
_OPERATOR_WAIT: Final = timedelta(minutes=5)


class Intake:
    """Brings the mail of one mailbox in; adding a mail claims nothing."""

    def __init__(
        self,
        *,
        mailbox: str,
        desks: Desks,
        store: JobStore,
        health: Health,
        arrived: Callable[[], None],
    ) -> None:
        self._name = mailbox
        self._desks = desks
        self._store = store
        self._health = health
        self._arrived = arrived
        self._stop = threading.Event()
        self._failures = 0
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
            self._health.broken(self.part, str(error))
            self._stop.wait(_FIRST_WAIT.total_seconds())

    def _attempt(self) -> timedelta:
        poll = timedelta(seconds=self._desks[self._name].settings.poll_seconds)
        try:
            while self.once() and not self._stop.is_set():
                pass
        except (MailboxUnreachable, DiskFull) as error:
            self._failures += 1
            self._health.broken(self.part, str(error))
            return min(_FIRST_WAIT * (1 << min(self._failures - 1, 12)), poll)
        except (CredentialsRefused, OperatorError) as error:
            self._failures += 1
            self._health.broken(self.part, str(error))
            return _OPERATOR_WAIT
        self._failures = 0
        self._health.proven(self.part)
        return poll

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
        self._cursor = batch.cursor
        if added:
            self._arrived()
        return len(batch.messages) + len(batch.unreadable)
