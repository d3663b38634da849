"""The drafter: the only thread that owns the engine; keeps as many mails in it as it has slots."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from appliance.domain.draft import Completion, Passage
from appliance.domain.errors import (
    ApplianceError,
    DiskFull,
    EnginePaused,
    ModelUnusable,
    OperatorError,
)
from appliance.domain.job import DAEMON, Job, State, Step
from appliance.domain.mail import Thread
from appliance.domain.ports import Engine
from appliance.flow import stages
from appliance.flow.aftercare import Aftercare
from appliance.flow.desk import Desk
from appliance.flow.floor import Floor
from appliance.flow.switches import PAUSE
from appliance.prompt.budget import Window
from appliance.prompt.build import build, prefix

log = logging.getLogger(__name__)

_LEASE: Final = timedelta(hours=2)
_BEAT_SECONDS: Final = 1.0
_LOAD_RETRY_SECONDS: Final = 60.0
_SCREENED: Final = frozenset({State.SCREENED})


@dataclass(slots=True, kw_only=True, eq=False)
class InFlight:
    """A mail in the engine; ``pieces`` counts what was written, ``progress`` is steady seconds."""

    job: Job
    desk: Desk
    thread: Thread
    passages: tuple[Passage, ...]
    knowledge_version: str
    prefix: str
    future: Future[Completion]
    drafted: Job | None = None
    started: float
    progress: float
    pieces: int = 0


class Drafter:
    """Claims screened mails, lets the engine write, asks the guard, stores the draft."""

    def __init__(
        self, floor: Floor, *, load: Callable[[], Engine], drafted: Callable[[], None]
    ) -> None:
        """Take no engine yet.

        Args:
            floor: what every thread works with.
            load: makes the engine; called in the drafter's thread, again after a failure.
            drafted: called after each draft.
        """
        self._aftercare = Aftercare(floor)
        self._store = floor.store
        self._desks = floor.desks
        self._runner = floor.runner
        self._switches = floor.switches
        self._health = floor.health
        self._clock = floor.clock
        self._load = load
        self._drafted = drafted
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._in_flight: list[InFlight] = []
        self._next_load = 0.0
        self.engine: Engine | None = None
        self.beat = floor.clock.steady()

    def wake(self) -> None:
        """There may be work, or a switch changed."""
        self._wake.set()

    def stop(self) -> None:
        """End ``run``: what is in the slots is finished or given back within ``stop_seconds``."""
        self._stop.set()
        self._wake.set()

    def in_flight(self) -> Sequence[InFlight]:
        """What the engine works on now."""
        return tuple(self._in_flight)

    def run(self) -> None:
        """Work until stopped, then wind up."""
        self._settle_again()
        while not self._stop.is_set():
            self.beat = self._clock.steady()
            self._wake.clear()
            try:
                self._aftercare.settle_left()
                if self._loaded():
                    self.turn()
            except DiskFull as error:
                self._health.broken("store", str(error))
            self._wake.wait(_BEAT_SECONDS)
        self._wind_up()

    def _settle_again(self) -> None:
        try:
            self._aftercare.settle_all()
        except DiskFull as error:
            self._health.broken("store", str(error))

    def turn(self) -> None:
        """Store what is done and fill the free slots."""
        self._collect()
        self._drop_overtaken()
        while not self._stop.is_set() and self.engine is not None and self._start_next(self.engine):
            pass

    def _loaded(self) -> bool:
        if self.engine is not None:
            return True
        if self._clock.steady() < self._next_load:
            return False
        self._next_load = self._clock.steady() + _LOAD_RETRY_SECONDS
        try:
            self.engine = self._load()
        except ApplianceError as error:
            self._health.broken("engine", str(error))
            return False
        self._health.proven("engine")
        return True

    def _lay_down(self, why: str) -> None:
        """An engine that failed by itself is said to be broken and, after a while, loaded anew."""
        self._health.broken("engine", why)
        self._next_load = self._clock.steady() + _LOAD_RETRY_SECONDS
        if self.engine is not None:
            self.engine.close(timedelta())
            self.engine = None

    def _start_next(self, engine: Engine) -> bool:
        if self._switches.on(PAUSE) or len(self._in_flight) >= engine.slots:
            return False
        job = self._store.claim(_SCREENED, _LEASE)
        if job is None:
            return False
        self._runner.run(job, lambda job: self._start(job, engine))
        return True

    def _start(self, job: Job, engine: Engine) -> Job | None:
        wanted = self._store.entries(job.id, limit=1)[0].actor != DAEMON
        if self._store.facts(job.message).superseded and not wanted:
            step = Step(to=State.SKIPPED, note="A newer mail of this thread is answered instead.")
            return self._store.apply(job, step, actor=DAEMON)
        desk = self._desks[job.message.mailbox]
        office = desk.office
        thread = desk.mailbox.thread(job.message)
        question = f"{job.message.subject}\n{job.message.question}"
        passages = tuple(desk.knowledge.search(question, office.writing.passages))
        prompt = build(
            thread=thread,
            passages=passages,
            office=office,
            language=job.language,
            instruction=job.instruction,
            window=Window(context=engine.context, count=engine.count),
        )
        now = self._clock.steady()
        flight = InFlight(
            job=job,
            desk=desk,
            thread=thread,
            passages=passages,
            knowledge_version=desk.knowledge.version,
            prefix=prefix(office),
            future=Future(),
            started=now,
            progress=now,
        )

        def watch(_piece: str) -> None:
            flight.pieces += 1
            flight.progress = self._clock.steady()

        flight.future = engine.submit(prompt, watch)
        self._in_flight.append(flight)
        log.info("job=%d state=screened drafting", job.id)
        flight.future.add_done_callback(lambda _: self._wake.set())
        return None

    def _collect(self) -> None:
        for flight in self.in_flight():
            if flight.future.done():
                # Where the disk is full this raises, and the draft stays until there is room.
                self._runner.run(flight.job, partial(self._store_draft, flight))
                self._in_flight.remove(flight)

    def _store_draft(self, flight: InFlight, _job: Job) -> Job | None:
        if flight.drafted is None:
            flight.drafted = self._drafted_job(flight)
        if flight.drafted is not None:
            self._aftercare.settle(flight.drafted)
            self._drafted()
        return flight.drafted

    def _drafted_job(self, flight: InFlight) -> Job | None:
        try:
            completion = flight.future.result()
        except (CancelledError, EnginePaused):
            now = self._clock.now()
            self._store.postpone(flight.job, now, "Drafting was interrupted.", counted=False)
            return None
        except ModelUnusable as error:
            self._lay_down(str(error))
            raise
        self._health.proven("drafting")
        version = (flight.job.draft.version if flight.job.draft else 0) + 1
        draft = stages.new_draft(
            flight.job,
            completion=completion,
            passages=flight.passages,
            knowledge_version=flight.knowledge_version,
            version=version,
            now=self._clock.now(),
        )
        step = stages.guard(flight.job, draft, flight.thread, flight.desk.office, flight.prefix)
        job = self._store.apply(flight.job, step, actor=DAEMON)
        self._health.proven("store")
        seconds = self._clock.steady() - flight.started
        log.info("job=%d state=%s seconds=%.1f", job.id, job.state, seconds)
        return job

    def _drop_overtaken(self) -> None:
        """Stop writing what a person has meanwhile answered, rejected or skipped themselves."""
        for flight in self.in_flight():
            if self._store.get(flight.job.id).revision != flight.job.revision:
                flight.future.cancel()

    def interrupt(self) -> None:
        """Cancel what is being written; the mails go back to the queue."""
        for flight in self.in_flight():
            flight.future.cancel()

    def _wind_up(self) -> None:
        seconds = self._runner.settings.stop_seconds
        deadline = self._clock.steady() + seconds * 0.8
        for flight in self.in_flight():
            with suppress(TimeoutError, CancelledError):
                flight.future.exception(timeout=max(0.0, deadline - self._clock.steady()))
            flight.future.cancel()
        try:
            self._collect()
        except (DiskFull, OperatorError) as error:
            self._health.broken("store", str(error))
        if self.engine is not None:
            self.engine.close(timedelta(seconds=seconds * 0.2))
            self.engine = None
