"""The clerk: screens, sends and files; never waits behind a generation."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.domain.draft import Evidence
from appliance.domain.errors import (
    ApplianceError,
    Conflict,
    DiskFull,
    MailboxUnreachable,
    NotFound,
    OperatorError,
    ReplyDeferred,
    ReplyRefused,
    SendingStopped,
)
from appliance.domain.job import DAEMON, Job, State, Step
from appliance.flow import stages
from appliance.flow.floor import Floor
from appliance.flow.outside import Outside
from appliance.flow.retry import backoff
from appliance.flow.switches import STOP_SENDING
from appliance.store.filing import filing

log = logging.getLogger(__name__)

_LEASE: Final = timedelta(minutes=1)
_BEAT_SECONDS: Final = 1.0
_SENDING: Final = frozenset({State.RECEIVED, State.SENDING, State.APPROVED})
_STOPPED: Final = frozenset({State.RECEIVED, State.SENDING})
_FILED_AT_ONCE: Final = 50
_LOOK_AGAIN: Final = timedelta(seconds=5)


class Clerk:
    """One thread that does everything but drafting."""

    def __init__(self, floor: Floor, screened: Callable[[], None]) -> None:
        """``screened`` is called after each mail that became ready for drafting."""
        self._store = floor.store
        self._desks = floor.desks
        self._runner = floor.runner
        self._switches = floor.switches
        self._health = floor.health
        self._clock = floor.clock
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._screened = screened
        self._outside = Outside(floor.store, floor.clock)
        self.beat = floor.clock.steady()
        """Steady time of the last step, for the watchdog: a slow server is no hanging thread."""

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def stop(self) -> None:
        """End ``run`` after the present job."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Work until stopped."""
        while not self._stop.is_set():
            self._step()
            self._wake.clear()
            try:
                busy = self.once()
                if busy:
                    self._health.proven("store")
                self.file()
            except DiskFull as error:
                self._health.broken("store", str(error))
                busy = False
            if not busy:
                self._wake.wait(_BEAT_SECONDS)

    def _step(self) -> None:
        self.beat = self._clock.steady()

    def once(self) -> bool:
        """Do one job; False where there is none."""
        allowed = _STOPPED if self._switches.on(STOP_SENDING) else _SENDING
        job = self._store.claim(allowed, _LEASE)
        if job is None:
            return False
        self._runner.run(job, self._work)
        return True

    def _work(self, job: Job) -> Job | None:
        match job.state:
            case State.RECEIVED:
                return self._screen(job)
            case State.APPROVED:
                return self._send(job)
            case _:
                return self._resolve(job)

    def _screen(self, job: Job) -> Job:
        desk = self._desks[job.message.mailbox]
        step = stages.screen(
            job, desk.mailbox.thread(job.message), desk.office, self._store.facts(job.message)
        )
        moved = self._store.apply(job, step, actor=DAEMON)
        log.info("job=%d state=%s language=%s", job.id, moved.state, moved.language)
        if moved.state is State.SCREENED:
            self._screened()
        return moved

    def _send(self, job: Job) -> Job | None:
        assert job.reply is not None
        desk = self._desks[job.message.mailbox]
        sending: list[Job] = []

        def commit() -> None:
            # A person's stop or undo that came after the claim still holds: apply refuses a job
            # that moved, and what raises here stops the sending.
            if self._switches.on(STOP_SENDING):
                raise SendingStopped("Sending is stopped.")
            step = Step(to=State.SENDING, note="Handing the reply over.")
            sending.append(self._store.apply(job, step, actor=DAEMON))
            # The answer to the dot may take minutes, and to be killed before it is doubt.
            self._step()

        try:
            # A person may have sent an answer from their own mail program this very minute.
            self._outside.look(desk, keep=False)
            if self._store.get(job.id).revision != job.revision:
                raise Conflict(f"Mail {job.id} has changed meanwhile.")
            desk.mailbox.send(job.reply, commit)
        except ApplianceError as error:
            return self._not_sent(job, sending, error)
        self._health.proven(f"mail out {desk.name}")
        return self._sent(sending[-1], "The mailbox took the reply.")

    def _not_sent(self, job: Job, sending: list[Job], error: ApplianceError) -> Job:
        """What a failed sending means, before the commit or after it."""
        if isinstance(error, MailboxUnreachable | ReplyDeferred | OperatorError) and not isinstance(
            error, Conflict
        ):
            self._health.broken(f"mail out {job.message.mailbox}", str(error))
        if isinstance(error, ReplyRefused):
            return self._runner.park(sending[-1] if sending else job, str(error))
        if not sending:
            raise error
        if isinstance(error, DiskFull | ReplyDeferred):
            return self._back_to_approved(sending[-1], str(error))
        if isinstance(error, MailboxUnreachable):
            return self._resolve(sending[-1])
        raise error

    def _resolve(self, job: Job) -> Job:
        """A reply that may have left: only positive evidence says so, doubt goes to a person.

        A copy may turn up late among the sent mail, so for a while the doubt is only postponed.
        """
        assert job.reply is not None
        self._step()
        match self._desks[job.message.mailbox].mailbox.find_sent(job.reply):
            case Evidence.SENT:
                return self._sent(job, "The reply was found among the sent mail.")
            case Evidence.NOT_SENT:
                return self._back_to_approved(job, "The reply certainly did not leave.")
            case Evidence.PENDING:
                return self._look_again(job, _LOOK_AGAIN)
            case Evidence.UNKNOWN if self._may_turn_up(job):
                return self._look_again(job, min(_LOOK_AGAIN, self._doubt))
            case Evidence.UNKNOWN:
                step = Step(
                    to=State.HELD,
                    note="Nobody can tell whether the reply left. A person has to look.",
                    uncertain=True,
                )
                log.warning("job=%d state=held uncertain", job.id)
                return self._store.apply(job, step, actor=DAEMON)

    def _look_again(self, job: Job, wait: timedelta) -> Job:
        note = "Nobody can tell yet whether the reply left."
        return self._store.postpone(job, self._clock.now() + wait, note, counted=False)

    @property
    def _doubt(self) -> timedelta:
        return timedelta(seconds=self._runner.settings.doubt_seconds)

    def _may_turn_up(self, job: Job) -> bool:
        # A clock that was set back must not make it wait for ever.
        return abs(self._clock.now() - job.changed) < self._doubt

    def _sent(self, job: Job, note: str) -> Job:
        moved = self._store.apply(job, Step(to=State.SENT, note=note), actor=DAEMON)
        log.info("job=%d state=sent", job.id)
        return moved

    def _back_to_approved(self, job: Job, note: str) -> Job:
        """It certainly did not leave; each further try waits longer."""
        entries = self._store.entries(job.id)
        # A doubt that was put off is an entry within the state, not a try of its own.
        tries = sum(entry.before is not State.SENDING is entry.after for entry in entries)
        wait = backoff(max(tries, 1), self._runner.settings)
        step = Step(to=State.APPROVED, note=note, due=self._clock.now() + wait)
        return self._store.apply(job, step, actor=DAEMON)

    def file(self) -> None:
        """Put mails where their state says; a mailbox that does not answer is tried again later."""
        unreachable: set[str] = set()
        for job in self._store.unfiled(_FILED_AT_ONCE):
            name = job.message.mailbox
            if name in unreachable:
                continue
            self._step()
            try:
                mailbox = self._desks[name].mailbox
                if job.state is not State.DRAFTED:
                    mailbox.withdraw_drafts(job.message)
                answer = job.reply if job.state is State.SENT else None
                mailbox.file(job.message, filing(job.state), answer)
                self._store.filed(job.id, filing(job.state))
            except NotFound:
                unreachable.add(name)
            except ApplianceError as error:
                unreachable.add(name)
                self._health.broken(f"filing {name}", str(error))
            else:
                self._health.proven(f"filing {name}")
