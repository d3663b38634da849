"""The composition root: builds everything once from the settings, starts and stops the threads."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import current_thread
from time import monotonic
from typing import Final

from appliance.config.secrets import Secrets
from appliance.config.settings import EngineSettings, MailboxSettings, Office, Settings
from appliance.config.toml import load_office, load_settings
from appliance.control.protocol import Caller, Role
from appliance.control.server import Handler, Server
from appliance.domain.errors import ConfigError
from appliance.domain.ports import Clock, Engine, Mailbox
from appliance.flow.clerk import Clerk
from appliance.flow.desk import Desk, Desks
from appliance.flow.drafter import Drafter
from appliance.flow.floor import Floor
from appliance.flow.health import Health
from appliance.flow.intake import Intake
from appliance.flow.reload import Reload
from appliance.flow.review import Review
from appliance.flow.runner import Runner, traced
from appliance.flow.stages import RULES
from appliance.flow.status import Status
from appliance.flow.switches import Switches
from appliance.flow.verbs import Act, Arguments, Verbs
from appliance.host.readings import read as read_host
from appliance.host.service import Service
from appliance.host.watch import FolderWatch
from appliance.knowledge.index import FolderKnowledge
from appliance.mailbox.folder import FolderMailbox, prepare
from appliance.screen import caps, ticket
from appliance.store.jobs import SqliteJobStore

log = logging.getLogger(__name__)

STOPPING: Final = frozenset({ticket.ticket_acknowledgement.name, caps.quick_answer.name})
"""Rules after which automatic answers in a thread stop until a person acts in it."""


class SystemClock:
    """The one place that reads the time."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock everybody else takes

    def steady(self) -> float:
        """Seconds of a clock that nobody sets."""
        return monotonic()


_LOOK_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 0.5
_STUCK_SECONDS: Final = 300.0
_SILENT_SECONDS: Final = 900.0


class Daemon:
    """Everything that runs; ``run`` returns when the process is told to stop."""

    def __init__(self, file: Path) -> None:
        """Build every part.

        Args:
            file: ``appliance.toml``.

        Raises:
            ConfigError: it, an office or the overrides are wrong; names every problem.
            AlreadyRunning: another daemon owns the state directory.
            OperatorError: the store cannot be used.
        """
        self._file = file
        self.settings = settings = load_settings(file)
        offices = load_offices(settings)
        self._clock = clock = SystemClock()
        self._stop = threading.Event()
        self._died = False
        self._watch = FolderWatch()
        self._service = Service.of(os.environ, os.getpid())
        store = SqliteJobStore.open(settings.state, clock, stopping=STOPPING)
        self._floor = floor = Floor(
            store=store,
            desks=Desks(
                tuple(self._desk(mailbox, offices[mailbox.name]) for mailbox in settings.mailbox)
            ),
            runner=Runner(store=store, clock=clock, settings=settings.flow),
            switches=Switches(settings.state / "overrides.toml", clock, self._wake),
            health=Health(clock),
            clock=clock,
        )
        self._clerk = Clerk(floor, self._wake_drafter)
        self._drafter = Drafter(
            floor, load=partial(load_engine, settings.engine, clock), drafted=self._clerk.wake
        )
        self._intakes = tuple(
            Intake(mailbox=mailbox.name, floor=floor, arrived=self._clerk.wake)
            for mailbox in settings.mailbox
        )
        self._reload = Reload(
            floor.desks,
            settings,
            load_settings=partial(load_settings, file),
            load_office=partial(load_office, known_rules=RULES),
        )
        self._status = Status(
            floor=floor, drafter=self._drafter, settings=settings, started=clock.now()
        )
        self._server = Server(
            path=settings.socket, handlers=self._handlers(), answers=store, clock=clock
        )
        self._bell = self._watch.bell(
            file,
            *(mailbox.office for mailbox in settings.mailbox),
            recursive=True,
            quiet_seconds=_QUIET_SECONDS,
        )

    def _desk(self, mailbox: MailboxSettings, office: Office) -> Desk:
        return Desk(
            settings=mailbox,
            office=office,
            mailbox=self._mailbox(mailbox),
            knowledge=FolderKnowledge(mailbox.office / "knowledge"),
        )

    def _mailbox(self, mailbox: MailboxSettings) -> Mailbox:
        match mailbox.kind:
            case "folder":
                assert mailbox.path is not None
                watched = prepare(mailbox.path, name=mailbox.name)
                return FolderMailbox(
                    name=mailbox.name,
                    path=mailbox.path,
                    waiter=self._watch.bell(*watched),
                    clock=self._clock,
                )
            case "imap":
                from appliance.mailbox.account import open_account

                return open_account(
                    mailbox,
                    secrets=Secrets.beside(self._file),
                    state=self.settings.state,
                    clock=self._clock,
                )
            case "exchange" | "graph":
                from appliance.mailbox.store_account import open_store_mailbox

                return open_store_mailbox(
                    mailbox,
                    secrets=Secrets.beside(self._file),
                    state=self.settings.state,
                    clock=self._clock,
                )

    def _wake(self) -> None:
        self._clerk.wake()
        self._drafter.wake()

    def _wake_drafter(self) -> None:
        self._drafter.wake()

    def _handlers(self) -> Mapping[str, Handler]:
        verbs = Verbs(
            self._floor,
            review=Review(self._floor, self._wake),
            interrupt=self._drafter.interrupt,
        )
        return {
            **{verb: _handler(act, Role.VIEW) for verb, act in verbs.reading().items()},
            **{verb: _handler(act, Role.REVIEW) for verb, act in verbs.deciding().items()},
            "status": _handler(self._page, Role.VIEW),
        }

    def _page(self, _who: str, _arguments: Arguments) -> object:
        readings = asdict(read_host(self.settings.state))
        return self._status.page(readings, (*self._reload.notes, *self._watch.problems))

    def run(self) -> bool:
        """Serve until SIGTERM or SIGINT; what is in the slots is finished or given back.

        Returns:
            False where a thread died of a mistake of ours: systemd is to start the service anew.

        Raises:
            AlreadyRunning, ConfigError: the socket cannot be used.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        self._server.start()
        threads = [
            threading.Thread(target=self._guarded, args=(act,), name=name, daemon=True)
            for name, act in (
                ("clerk", self._clerk.run),
                ("drafter", self._drafter.run),
                *((intake.part, intake.run) for intake in self._intakes),
            )
        ]
        for thread in threads:
            thread.start()
        log.info("state=running mailboxes=%d", len(self._intakes))
        self._service.ready("Running.")
        self._host()
        self._service.stopping("Finishing what is being written.")
        self._end(threads)
        return not self._died

    def _guarded(self, act: Callable[[], None]) -> None:
        """A thread that dies must not leave the others to look as if all were well."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the text may quote a mail; kind and place cannot
            log.critical("thread=%s died error=%s", current_thread().name, traced(error))
            self._died = True
            self._stop.set()
            self._bell.wake()

    def _told_to_stop(self, _number: int, _frame: object) -> None:
        self._stop.set()
        self._bell.wake()

    def _host(self) -> None:
        """Heartbeats and changed files, until told to stop."""
        interval = min(self._service.watchdog_interval() or _LOOK_SECONDS, _LOOK_SECONDS)
        self._reload.look()
        while not self._stop.is_set():
            if self._bell.wait(interval) and not self._stop.is_set():
                self._reload.look()
            if self._progresses():
                self._service.alive()

    def _progresses(self) -> bool:
        """Every thread turns and the engine writes or reads; else systemd starts us anew."""
        now = self._clock.steady()
        # From a slow card it takes minutes to read a model file.
        patience = _STUCK_SECONDS if self._drafter.engine is not None else _SILENT_SECONDS
        turning = self._clerk.beat > now - _STUCK_SECONDS and self._drafter.beat > now - patience
        return turning and all(
            flight.progress > now - _SILENT_SECONDS for flight in self._drafter.in_flight()
        )

    def _end(self, threads: list[threading.Thread]) -> None:
        log.info("state=stopping")
        for intake in self._intakes:
            intake.stop()
        self._drafter.stop()
        self._clerk.stop()
        self._server.stop()
        for thread in threads:
            thread.join(self.settings.flow.stop_seconds)
        for desk in self._floor.desks.all():
            desk.mailbox.close()
        self._watch.close()
        self._floor.store.close()
        log.info("state=stopped")


def _handler(act: Act, role: Role) -> Handler:
    def run(caller: Caller, arguments: Arguments) -> object:
        return act(caller.name, arguments)

    return Handler(role=role, mutates=role is not Role.VIEW, run=run)


def load_offices(settings: Settings) -> Mapping[str, Office]:
    """The office of each mailbox, by the mailbox's name.

    Raises:
        ConfigError: one or several are wrong; names every problem of all of them.
    """
    offices: dict[str, Office] = {}
    problems: list[str] = []
    for mailbox in settings.mailbox:
        try:
            offices[mailbox.name] = load_office(mailbox.office, known_rules=RULES)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return offices


def load_engine(settings: EngineSettings, clock: Clock) -> Engine:
    """The engine that the settings name.

    Raises:
        ModelUnusable: the model file cannot be used; says what to do.
    """
    match settings.kind:
        case "llama":
            from appliance.engine.llama import LlamaEngine

            return LlamaEngine.load(settings, clock=clock)
        case "scripted":
            from appliance.engine.scripted import ScriptedEngine

            return ScriptedEngine(clock=clock, context=settings.context, slots=settings.slots)
