"""Runs one stage on one claimed job and turns whatever goes wrong into a step or a postponement."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.config.settings import FlowSettings
from appliance.domain.errors import (
    Conflict,
    DiskFull,
    JobError,
    OperatorError,
    TransientError,
)
from appliance.domain.job import DAEMON, NEXT, Job, JobId, State, Step
from appliance.domain.ports import Clock, JobStore
from appliance.flow.retry import backoff, patience

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The one place where an unexpected error ends: it costs the job a try, never the daemon."""

    store: JobStore
    clock: Clock
    settings: FlowSettings
    spared: Counter[tuple[JobId, int]] = field(default_factory=Counter)
    """Tries that a full disk cost, by job and revision: they count for nothing."""

    def run(self, job: Job, work: Callable[[Job], Job | None]) -> Job | None:
        """``work`` on the job; returns the job it moved, or None where it was given back.

        A job whose tries are used up without an answer may have killed the process: it is parked
        before the work. SENDING never is: only evidence resolves it.

        Raises:
            DiskFull: there is no room for what was done; the job is as it was on disk.
        """
        try:
            return self._tried(job, work)
        except DiskFull:
            self.spared[job.id, job.revision] += 1
            self.store.release(job)
            raise

    def _tried(self, job: Job, work: Callable[[Job], Job | None]) -> Job | None:
        try:
            if self._tries(job) > self.settings.attempts and job.state is not State.SENDING:
                return self.park(job, f"Gave up after {self.settings.attempts} tries.")
            return work(job)
        except DiskFull:
            raise
        except Exception as error:  # noqa: BLE001 - the one broad catch: it parks the job
            return self._failed(job, error)

    def _tries(self, job: Job) -> int:
        return job.attempts - self.spared[job.id, job.revision]

    def _failed(self, job: Job, error: Exception) -> Job | None:
        try:
            match error:
                case JobError():
                    return self.park(job, str(error))
                case Conflict():
                    return self._overtaken(job)
                case TransientError() | OperatorError():
                    return self._give_back(job, str(error), counted=False)
                case _:
                    return self._unexpected(job, error)
        except Conflict:
            return self._overtaken(job)

    def _overtaken(self, job: Job) -> Job | None:
        """Somebody else (a person, or a later step of the same work) moved it: that stands."""
        log.info("job=%d state=%s overtaken", job.id, job.state)
        return None

    def park(self, job: Job, why: str) -> Job:
        """Keep the job for a person."""
        assert State.PARKED in NEXT[job.state]
        moved = self.store.apply(job, Step(to=State.PARKED, note=why), actor=DAEMON)
        log.warning("job=%d state=parked", job.id)
        return moved

    def _unexpected(self, job: Job, error: Exception) -> Job | None:
        kind = type(error).__name__
        # The text and the traceback could quote the mail; the kind and the place cannot.
        log.error("job=%d state=%s error=%s", job.id, job.state, traced(error))
        if self._tries(job) >= self.settings.attempts and State.PARKED in NEXT[job.state]:
            return self.park(job, f"Failed {job.attempts} times with an internal error ({kind}).")
        return self._give_back(job, f"Internal error ({kind}).", counted=True)

    def _give_back(self, job: Job, note: str, *, counted: bool) -> Job | None:
        now = self.clock.now()
        wait = (
            backoff(job.attempts, self.settings)
            if counted
            else patience(now - job.changed, self.settings)
        )
        self.store.postpone(job, now + wait, note, counted=counted)
        log.info("job=%d state=%s postponed=%d", job.id, job.state, wait.total_seconds())
        return None


def traced(error: BaseException) -> str:
    """Kind and innermost place of an error: what a log may say where its text may quote a mail."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return f"{type(error).__name__} at {module}:{trace.tb_lineno}"
