"""kill -9 at every point of sending over SMTP: nothing leaves twice, doubt comes to a person."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.crash.kill_mail_at import AFTER, BEFORE, IN_DOUBT
from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD
from tests.imap_daemon import imap_daemon
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.relay import Relay

POINTS = (*BEFORE, *IN_DOUBT, *AFTER)
FOUND = ("answer", "quit")
"""Where a server that keeps copies itself made one before we could die."""

RUNS = (1, 2)
MAILS = 2
AT_ONCE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the mails of one run: those that left, the copies, the jobs."""

    left: Counter[str]
    copies: Counter[str]
    jobs: tuple[dict[str, object], ...]
    waiting: tuple[bytes, ...]
    needs_you: int

    def ended(self, state: str) -> list[dict[str, object]]:
        return [job for job in self.jobs if job["state"] == state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One daemon with an account of its own; ``copying``: the server files what it sends."""

    point: str
    run: int
    copying: bool = False

    @property
    def name(self) -> str:
        return f"{self.point}{self.run}{'c' * self.copying}"

    @property
    def user(self) -> str:
        return f"{self.name}@office.example.com"

    @property
    def numbers(self) -> range:
        """Of the mails that its customers write."""
        first = CASES.index(self) * MAILS
        return range(first, first + MAILS)


CASES = (
    *(Case(point=point, run=run) for point in POINTS for run in RUNS),
    *(Case(point=point, run=run, copying=True) for point in FOUND for run in RUNS),
)


Outcomes = Mapping[Case, Future[Outcome]]


class Servers:
    """One Dovecot and one relay for every case."""

    def __init__(self, dovecot: Dovecot, relay: Relay) -> None:
        self.dovecot = dovecot
        self.relay = relay

    def outcome(self, directory: Path, case: Case) -> Outcome:
        """Kill a daemon at the point, start it again, and wait until everything has settled."""
        marker = directory / case.name / "killed"
        marker.parent.mkdir()
        daemon = imap_daemon(
            marker.parent,
            imap=self.dovecot.imap,
            smtp=self.relay.port,
            user=case.user,
            automatic=True,
            measured=False,
            command=("-m", "tests.crash.kill_mail_at", case.point, str(marker)),
        )
        for number in case.numbers:
            self.dovecot.append(case.user, "INBOX", raw_mail(number))
        daemon.start(wait=False)
        daemon.until(daemon.ended)
        assert marker.exists(), daemon.log.read_text()[-3000:]
        daemon.start()
        daemon.until(lambda: self._settled(daemon, case.user))
        outcome = self._outcome(daemon, case)
        assert daemon.stop() == 0
        return outcome

    def _settled(self, daemon: DaemonProcess, user: str) -> bool:
        states = daemon.states()
        return (
            len(states) == MAILS
            and set(states) <= {"sent", "held"}
            and inbox_is_empty(self.dovecot, user)
        )

    def _outcome(self, daemon: DaemonProcess, case: Case) -> Outcome:
        ids = {f"<question-{number}@customers.example>" for number in case.numbers}
        left = [parent(mail.raw) for mail in self.relay.mails]
        held = "held" in daemon.states()
        return Outcome(
            left=Counter(one for one in left if one in ids),
            copies=Counter(parent(raw) for raw in self.dovecot.messages(case.user, "Sent")),
            jobs=tuple(
                {**job, **daemon.client.call("mail.show", id=job["id"])} for job in daemon.jobs()
            ),
            waiting=tuple(self.dovecot.messages(case.user, "Held") if held else ()),
            needs_you=daemon.client.call("status")["needs_you"],
        )


def inbox_is_empty(server: Dovecot, user: str) -> bool:
    """Asked without the mails themselves, which may be on their way out just now."""
    with server.session(user, "INBOX") as client:
        return not client.search("ALL")


def parent(raw: bytes) -> str:
    """Which mail is answered."""
    return str(message_from_bytes(raw)["In-Reply-To"])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """All cases, some at once: most of their time is waiting."""
    copying = {
        f"customer{number}@customers.example": case.user
        for case in CASES
        for number in case.numbers
        if case.copying
    }

    def keep(recipient: str, raw: bytes, _sender: str) -> None:
        if recipient in copying:
            dovecot.append(copying[recipient], "Sent", raw)

    directory = tmp_path_factory.mktemp("kill")
    passwords = {case.user: PASSWORD for case in CASES}
    with Dovecot(passwords) as dovecot, Relay(users=passwords, forward=keep) as relay:
        servers = Servers(dovecot, relay)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield {case: pool.submit(servers.outcome, directory, case) for case in CASES}


def runs(outcomes: Outcomes, point: str, *, copying: bool = False) -> list[Outcome]:
    cases = (Case(point=point, run=run, copying=copying) for run in RUNS)
    return [outcomes[case].result() for case in cases]


@pytest.mark.parametrize("point", BEFORE)
def test_a_kill_before_the_commit_sends_once(outcomes: Outcomes, point: str) -> None:
    for outcome in runs(outcomes, point):
        assert len(outcome.ended("sent")) == MAILS
        assert sorted(outcome.left.values()) == [1] * MAILS
        assert outcome.copies == outcome.left


@pytest.mark.parametrize("point", IN_DOUBT)
def test_a_kill_between_the_commit_and_the_copy_leaves_doubt_to_a_person(
    outcomes: Outcomes, point: str
) -> None:
    for outcome in runs(outcomes, point):
        (held,) = outcome.ended("held")
        assert held["uncertain"]
        assert "A person has to look" in str(held["reason"])
        assert outcome.needs_you == len(outcome.waiting) == 1
        assert len(outcome.ended("sent")) == MAILS - 1
        gone = {"committed": {0}, "dot": {0, 1}}.get(point, {1})
        assert outcome.left.total() - (MAILS - 1) in gone
        assert max(outcome.left.values()) == 1
        assert sorted(outcome.copies.values()) == [1] * (MAILS - 1)


@pytest.mark.parametrize("point", FOUND)
def test_a_copy_that_the_server_made_resolves_the_doubt(outcomes: Outcomes, point: str) -> None:
    for outcome in runs(outcomes, point, copying=True):
        assert len(outcome.ended("sent")) == MAILS
        assert sorted(outcome.left.values()) == [1] * MAILS
        assert outcome.copies == outcome.left


@pytest.mark.parametrize("point", AFTER)
def test_a_kill_after_the_copy_was_made_is_no_doubt(outcomes: Outcomes, point: str) -> None:
    for outcome in runs(outcomes, point):
        assert len(outcome.ended("sent")) == MAILS
        assert sorted(outcome.left.values()) == [1] * MAILS
        assert outcome.copies == outcome.left
