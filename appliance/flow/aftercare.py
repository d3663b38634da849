"""What becomes of a draft once it is stored: it leaves by itself, or a copy waits in Drafts."""

import logging
from contextlib import suppress
from typing import Final

from appliance.domain.errors import ApplianceError, Conflict, DiskFull, NotFound
from appliance.domain.job import DAEMON, Job, JobId, State
from appliance.domain.verdict import Disposition
from appliance.flow import stages
from appliance.flow.floor import Floor
from appliance.flow.reply import write_reply

log = logging.getLogger(__name__)

_AGAIN: Final = 200
_PAUSE_SECONDS: Final = 5.0
_DRAFTED: Final = frozenset({State.DRAFTED})


class Aftercare:
    """Harmless when repeated: the start makes good what a crash came before."""

    def __init__(self, floor: Floor) -> None:
        self._store = floor.store
        self._desks = floor.desks
        self._health = floor.health
        self._clock = floor.clock
        self._left: set[JobId] = set()
        self._again = 0.0

    def settle(self, job: Job) -> None:
        """Approve the engine's draft where nothing speaks against it; else keep a copy.

        What the mailbox does not allow now is left for ``settle_left``.

        Raises:
            DiskFull: there is no room to approve it; it waits as a draft.
        """
        try:
            done = self._settled(job)
        except (DiskFull, Conflict):
            raise
        except ApplianceError as error:
            log.info("job=%d not settled error=%s", job.id, type(error).__name__)
            done = False
        if done:
            self._left.discard(job.id)
        else:
            self._left.add(job.id)

    def settle_left(self) -> None:
        """Try again, every few seconds, what the mailbox did not allow; raises as ``settle``."""
        if not self._left or self._clock.steady() < self._again:
            return
        self._again = self._clock.steady() + _PAUSE_SECONDS
        for number in sorted(self._left):
            job = self._store.get(number)
            if job.state is not State.DRAFTED:
                self._left.discard(number)
                continue
            with suppress(Conflict):
                self.settle(job)

    def _settled(self, job: Job) -> bool:
        if not self._may_leave(job):
            return self.save_copy(job)
        office = self._desks[job.message.mailbox].office
        step = stages.approve_automatically(job, office, self._clock.now())
        self._store.apply(job, step, actor=DAEMON)
        log.info("job=%d state=approved automatic", job.id)
        return True

    def settle_all(self) -> None:
        """Settle what a crash may have left unsettled."""
        for row in self._store.list(states=_DRAFTED, limit=_AGAIN):
            try:
                self.settle(self._store.get(row.id))
            except DiskFull:
                raise
            except ApplianceError as error:
                log.info("job=%d not settled error=%s", row.id, type(error).__name__)

    def _may_leave(self, job: Job) -> bool:
        desk = self._desks[job.message.mailbox]
        if not desk.office.automatic or job.state is not State.DRAFTED or job.draft is None:
            return False
        if any(finding.disposition > Disposition.PASS for finding in job.findings):
            return False
        if self._store.entries(job.id, limit=1)[0].actor != DAEMON:
            # A person took it back or wrote it: only a person lets it leave.
            return False
        thread = desk.mailbox.thread(job.message)
        return stages.still_passes(job, thread, desk.office, self._store.facts(job.message))

    def save_copy(self, job: Job) -> bool:
        """Put the draft into the mailbox's own Drafts folder; False where that did not work."""
        try:
            desk = self._desks[job.message.mailbox]
        except NotFound:
            return True
        if job.draft is None or job.state is not State.DRAFTED or not desk.office.save_drafts:
            return True
        reply = write_reply(
            message=job.message,
            draft=job.draft,
            office=desk.office,
            now=self._clock.now(),
            automatic=False,
        )
        try:
            desk.mailbox.save_draft(reply)
            if self._store.get(job.id).state is not State.DRAFTED:
                # Decided while we waited for the mailbox: nobody shall send it from there.
                desk.mailbox.withdraw_drafts(job.message)
        except ApplianceError as error:
            self._health.broken(f"drafts {desk.name}", str(error))
            return False
        self._health.proven(f"drafts {desk.name}")
        return True
