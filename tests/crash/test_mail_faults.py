"""Bad connections between a daemon and its servers: outages, silence, and faults by chance."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest

from appliance.domain.errors import ApplianceError
from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD
from tests.imap_daemon import PATIENT, imap_daemon
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.faults import FaultProxy, How, Weather
from tests.servers.relay import AFTER_THE_DOT, Relay

BACK_SECONDS = 5.0
NOTICED_SECONDS = 30.0
BUSY = 3.0
"""So many seconds longer may anything take on a machine that does other things too."""

OUTAGES = (1.0, 20.0)
STORMS = 5
MAILS = 20
FAULTS = 60
TAKEN = 4
"""So many mails the relay takes without a word: to send them again would be to send them twice."""

SEED = 20261125
# A frozen connection costs a time-out, so it is rare.
HOWS: tuple[How, ...] = (*("drop", "truncate", "delay") * 8, "freeze")
IMPATIENT = (
    "-c",
    """
import sys
from appliance.cli.app import run
from appliance.mailbox import line
from appliance.mailbox.smtp import Submission
line.ANSWER_SECONDS = 1.0
Submission.__init__.__kwdefaults__["timeout"] = 1.0
sys.exit(run(sys.argv[1:]))
""",
)


def status(daemon: DaemonProcess) -> dict[str, Any]:
    return dict(daemon.client.call("status"))


def in_contact(daemon: DaemonProcess) -> bool:
    return bool(status(daemon)["mailboxes"][0]["contact"] == "ok")


def troubled(daemon: DaemonProcess) -> set[str]:
    """The parts that do not work at the moment."""
    return {trouble["part"] for trouble in status(daemon)["troubles"]}


class Desk:
    """A daemon with an account of its own and a proxy before its IMAP server."""

    def __init__(self, server: Dovecot, relay: Relay, directory: Path, name: str) -> None:
        self.server = server
        self.user = user(name)
        self.proxy = FaultProxy((server.host, server.imap))
        self.proxy.start()
        directory.mkdir()
        self.daemon = imap_daemon(
            directory,
            imap=self.proxy.port,
            smtp=relay.port,
            user=self.user,
            poll_seconds=60.0,
            measured=False,
        )
        self.daemon.start()
        self.daemon.until(lambda: in_contact(self.daemon))

    def end(self) -> None:
        assert self.daemon.stop() == 0
        self.proxy.stop()

    def back_seconds(self) -> float:
        """From now, when the server is back, until a mail that came meanwhile was fetched."""
        self.server.append(self.user, "INBOX", raw_mail(1))
        begun = monotonic()
        self.daemon.until(lambda: len(self.daemon.jobs()) == 1)
        return monotonic() - begun

    def outage(self, seconds: float) -> dict[str, float]:
        never = Event()
        self.proxy.down()
        never.wait(seconds)
        self.proxy.up()
        back = self.back_seconds()
        self.end()
        return {"back": back}

    def frozen(self) -> dict[str, float]:
        """Everything stays connected and nothing passes any more, in the middle of an IDLE."""
        self.proxy.wait(rb"\bIDLE$", 2)
        self.proxy.freeze(times=None)
        begun = monotonic()
        self.daemon.until(lambda: "mail in desk" in troubled(self.daemon))
        noticed = monotonic() - begun
        self.proxy.clear()
        back = self.back_seconds()
        self.end()
        return {"noticed": noticed, "back": back}


def user(name: str) -> str:
    return f"{name}@office.example.com"


def inbox_is_empty(server: Dovecot, user: str) -> bool:
    """Asked without the mails themselves, which may be on their way out just now."""
    with server.session(user, "INBOX") as client:
        return not client.search("ALL")


def parent(raw: bytes) -> str:
    """Which mail is answered."""
    return str(message_from_bytes(raw)["In-Reply-To"])


def asked(number: int) -> bytes:
    """A mail of a thread, for which the folders are searched."""
    return raw_mail(number, headers=f"References: <earlier-{number}@customers.example>\n")


def question(subject: str) -> str:
    return f"<question-{subject.removeprefix('Question ')}@customers.example>"


def own_id(raw: bytes) -> str:
    return str(message_from_bytes(raw)["Message-ID"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of the mails of one storm, by the Message-ID of the question.

    ``jobs`` with state and whether it is uncertain.
    """

    jobs: list[tuple[str, str, bool]]
    copies: Counter[str]
    lying: dict[str, list[str]]
    faults: Counter[str]
    seconds: float


class Storm:
    """A daemon whose connections to both servers meet faults by chance.

    ``automatic``: else a person approves every draft, and its copy lies in Drafts till then.
    """

    def __init__(self, server: Dovecot, relay: Relay, directory: Path, number: int) -> None:
        self.server = server
        self.automatic = number < STORMS // 2
        self.user = user(f"storm{number}")
        self.chance = Random(f"{SEED} {number}")
        self.numbers = range(number * MAILS, (number + 1) * MAILS)
        self.imap = FaultProxy((server.host, server.imap), weather=self.weather(0.06))
        self.smtp = FaultProxy((relay.host, relay.port), weather=self.weather(0.15))
        directory.mkdir()
        self.directory = directory

    def weather(self, probability: float) -> Weather:
        random = Random(self.chance.random())
        return Weather(random=random, probability=probability, hows=HOWS, seconds=0.3)

    @property
    def faults(self) -> Counter[str]:
        return Counter(self.imap.applied) + Counter(self.smtp.applied)

    def ended(self) -> Ended:
        begun = monotonic()
        with self.imap, self.smtp:
            daemon = imap_daemon(
                self.directory,
                imap=self.imap.port,
                smtp=self.smtp.port,
                user=self.user,
                automatic=self.automatic,
                measured=False,
                command=IMPATIENT,
                flow=PATIENT + "retry_max_seconds = 1.0\n",
            )
            daemon.start()
            with self._thawing():
                self._deliver(daemon)
                daemon.until(lambda: self._approved(daemon) and self.faults.total() >= FAULTS, 120)
            for proxy in (self.imap, self.smtp):
                proxy.clear()
            daemon.until(lambda: self._settled(daemon), 60)
            ended = self._found(daemon, monotonic() - begun)
            assert daemon.stop() == 0
        return ended

    @contextmanager
    def _thawing(self) -> Iterator[None]:
        calm = Event()
        thaw = Thread(target=self._thaw, args=(calm,))
        thaw.start()
        try:
            yield
        finally:
            calm.set()
            thaw.join()

    def _thaw(self, calm: Event) -> None:
        """Some of what is frozen goes on before the client loses patience, some later."""
        chance = Random(self.chance.random())
        while not calm.wait(chance.uniform(0.2, 3.0)):
            self.imap.release()
            self.smtp.release()

    def _deliver(self, daemon: DaemonProcess) -> None:
        """A few mails at a time; twice each server is gone for a second."""
        never = Event()
        for count, number in enumerate(self.numbers):
            raw = raw_mail(number) if self.automatic else asked(number)
            self.server.append(self.user, "INBOX", raw)
            if count % 5 == 4:
                gone = (self.imap, self.smtp)[count % 2] if count > 5 else None
                if gone is not None:
                    gone.down()
                never.wait(1.0)
                if gone is not None:
                    gone.up()
                self._approved(daemon)
                never.wait(1.0)

    def _approved(self, daemon: DaemonProcess) -> bool:
        """A person approves every draft there is."""
        for job in daemon.jobs():
            if job["state"] == "drafted" and not self.automatic:
                version = daemon.client.call("mail.show", id=job["id"])["version"]
                with suppress(ApplianceError):
                    daemon.client.call("mail.approve", id=job["id"], version=version)
        return True

    def _settled(self, daemon: DaemonProcess) -> bool:
        states = daemon.states() if self._approved(daemon) else []
        return (
            len(states) == MAILS
            and set(states) <= {"sent", "held", "parked"}
            and inbox_is_empty(self.server, self.user)
            # What broke off and is not tried again stays a trouble until there is more of it.
            and not {"mail in desk", "filing desk"} & troubled(daemon)
        )

    def _found(self, daemon: DaemonProcess, seconds: float) -> Ended:
        jobs = [daemon.client.call("mail.show", id=job["id"]) for job in daemon.jobs()]
        there = self.server.folders(self.user)
        return Ended(
            jobs=[
                (question(job["mail"]["subject"]), job["state"], job["uncertain"]) for job in jobs
            ],
            copies=Counter(parent(raw) for raw in self.server.messages(self.user, "Sent")),
            lying={
                folder: [own_id(raw) for raw in self.server.messages(self.user, folder)]
                for folder in ("Handled", "Held", "Drafts")
                if folder in there
            },
            faults=self.faults,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weathered:
    """Everything that goes on at the same time: nearly all of it is waiting."""

    outages: dict[float, Future[dict[str, float]]]
    frozen: Future[dict[str, float]]
    storms: list[Future[Ended]]
    relay: Relay


@pytest.fixture(scope="module")
def weathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weathered]:
    directory = tmp_path_factory.mktemp("faults")
    names = [*map(str, OUTAGES), "frozen", *(f"storm{number}" for number in range(STORMS))]
    with ExitStack() as stack:
        users = {user(name): PASSWORD for name in names}
        server = stack.enter_context(Dovecot(users))
        old = stack.enter_context(Dovecot(users, Setup(hidden=("MOVE",))))
        calm, relay = stack.enter_context(Relay()), stack.enter_context(Relay())
        relay.refuse("RCPT", "451 4.7.1 Later", after=5, times=3)
        relay.refuse(AFTER_THE_DOT, "451 4.3.0 Later", after=10, times=3)
        relay.refuse(AFTER_THE_DOT, "421 4.3.2 Closing", after=20, times=1)
        relay.drop(AFTER_THE_DOT, taken=True, after=30, times=TAKEN)
        pool = stack.enter_context(ThreadPoolExecutor(len(names)))

        def desk(name: str) -> Desk:
            return Desk(server, calm, directory / name, name)

        def outage(seconds: float) -> dict[str, float]:
            return desk(str(seconds)).outage(seconds)

        def storm(number: int) -> Ended:
            servers = (server, old)
            return Storm(servers[number % 2], relay, directory / f"storm{number}", number).ended()

        yield Weathered(
            frozen=pool.submit(lambda: desk("frozen").frozen()),
            outages={seconds: pool.submit(outage, seconds) for seconds in OUTAGES},
            storms=[pool.submit(storm, number) for number in range(STORMS)],
            relay=relay,
        )


@pytest.mark.parametrize("seconds", OUTAGES)
def test_mail_is_fetched_within_seconds_of_the_servers_return(
    weathered: Weathered, seconds: float
) -> None:
    back = weathered.outages[seconds].result()["back"]
    print(f"\nBack {back:.1f} s after an outage of {seconds:.0f} s")  # noqa: T201
    assert back <= BACK_SECONDS + BUSY


def test_a_connection_that_died_in_idle_is_noticed_within_half_a_minute(
    weathered: Weathered,
) -> None:
    found = weathered.frozen.result()
    noticed, back = found["noticed"], found["back"]
    print(f"\nA dead IDLE noticed after {noticed:.1f} s, back in {back:.1f} s")  # noqa: T201
    assert noticed <= NOTICED_SECONDS
    assert back <= BACK_SECONDS + BUSY


def test_a_hundred_mails_in_three_hundred_faults_are_answered_once_or_in_doubt(
    weathered: Weathered,
) -> None:
    ended = [storm.result() for storm in weathered.storms]
    left = Counter(parent(mail.raw) for mail in weathered.relay.mails)
    faults = sum((one.faults for one in ended), Counter[str]())
    ends = Counter(job[1:] for one in ended for job in one.jobs)
    took = max(one.seconds for one in ended)
    told = f"{dict(faults)} faults in {took:.0f} s, seed {SEED}: {dict(ends)}"
    print(f"\n{told}")  # noqa: T201
    assert faults.total() >= STORMS * FAULTS, told
    assert ends.keys() == {("sent", False), ("held", True)}, told
    assert ends["held", True] >= TAKEN, told
    for number, one in enumerate(ended):
        numbers = range(number * MAILS, (number + 1) * MAILS)
        assert sorted(job[0] for job in one.jobs) == sorted(question(str(n)) for n in numbers), told
        sent = [name for name, state, _ in one.jobs if state == "sent"]
        doubted = [name for name, state, _ in one.jobs if state == "held"]
        assert all(left[name] == 1 for name in sent), told
        assert all(left[name] <= 1 for name in doubted), told
        assert one.copies == Counter(sent), told
        assert Counter(one.lying.get("Handled", [])) == Counter(sent), told
        assert one.lying["Drafts"] == [], told
        assert Counter(one.lying.get("Held", [])) == Counter(doubted), told
