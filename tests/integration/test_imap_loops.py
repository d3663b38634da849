"""Two appliances that write to each other, and the caps, across restarts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD, USER
from tests.imap_daemon import imap_daemon
from tests.imap_site import Site, imap_site, unspoken
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.relay import Relay, Taken

OTHER = "shop@other.example"
MARKS = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-*")
THREADS = ("In-Reply-To", "References")
OVER = {"sent", "skipped", "held", "drafted", "parked"}

# The engine writes what no rule about texts knows for an automatic answer, each time another text.
CHATTY = """
import random, sys
from appliance.cli.app import run
from appliance.engine.scripted import ScriptedEngine
from appliance.screen import caps
QUESTIONS = [
    "When would you like to come?", "How many of you will come?", "Have you been here before?",
    "Will you come by train?", "Would the morning suit you?", "Shall we keep a table for you?",
    "Do you bring children?", "Would you like to see the garden?",
]
def reply(prompt):
    asked = " ".join(random.sample(QUESTIONS, 3))
    return f"We are open on Saturday from 9:00 to 13:00. {asked}"
ScriptedEngine.__init__.__kwdefaults__["reply"] = reply
{more}
sys.exit(run(sys.argv[1:]))
"""
SLOW = "caps._FASTER_THAN_A_PERSON = 0.0"


def chatty(*, quick_answers_pass: bool = False) -> tuple[str, ...]:
    return "-c", CHATTY.replace("{more}", SLOW if quick_answers_pass else "")


def write_office(daemon: DaemonProcess, address: str, caps: str = "", more: str = "") -> None:
    (daemon.directory / "office" / "office.toml").write_text(
        f'name = "Office"\naddresses = ["{address}"]\nauthserv_id = "mx.office.example.com"\n'
        f'language = "en"\nautomatic = true\n{more}[caps]\n{caps}'
    )


def proven(raw: bytes, domain: str) -> bytes:
    """As the receiving server passes it on: it vouches for the author."""
    return b"Authentication-Results: mx.office.example.com; dmarc=pass header.from=%b\r\n%b" % (
        domain.encode(),
        raw,
    )


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two appliances, each with a relay of its own that carries its mail to the other."""

    server: Dovecot
    daemons: tuple[DaemonProcess, DaemonProcess]
    relays: tuple[Relay, Relay]

    @property
    def sent(self) -> tuple[int, int]:
        """How many automatic answers each has sent."""
        return len(self.relays[0].mails), len(self.relays[1].mails)

    def carry(self, relay: Relay, mail: Taken) -> None:
        for recipient in mail.recipients:
            self.pass_on(recipient, relay.passed_on(mail), mail.sender)

    def pass_on(self, recipient: str, raw: bytes, sender: str) -> None:
        self.server.deliver(recipient, proven(raw, sender.rpartition("@")[2]), sender)

    def restart(self) -> None:
        for daemon in self.daemons:
            assert daemon.stop() == 0
        for daemon in self.daemons:
            daemon.start()

    def settle(self) -> None:
        """Until both are done with every mail, and stay so."""
        self.daemons[0].until(lambda: held_for(1.0, self._done))

    def _done(self) -> bool:
        return all(set(daemon.states()) <= OVER for daemon in self.daemons) and (
            sum(self.sent) == sum(len(daemon.jobs()) for daemon in self.daemons) - 1
        )


def held_for(seconds: float, true: Callable[[], bool]) -> bool:
    end = monotonic() + seconds
    while true():
        if monotonic() > end:
            return True
        threading.Event().wait(0.1)
    return False


@contextmanager
def pair(
    directory: Path, *, strip: tuple[str, ...], carry: bool, **options: bool
) -> Iterator[Pair]:
    """Two appliances; a person of the second has just written to the first."""
    with ExitStack() as stack:
        server = stack.enter_context(Dovecot({USER: PASSWORD, OTHER: PASSWORD}))
        relays = stack.enter_context(Relay(strip=strip)), stack.enter_context(Relay(strip=strip))
        daemons = (
            imap_daemon(
                directory / "one", imap=server.imap, smtp=relays[0].port, command=chatty(**options)
            ),
            imap_daemon(
                directory / "other",
                imap=server.imap,
                smtp=relays[1].port,
                user=OTHER,
                command=chatty(**options),
            ),
        )
        made = Pair(server=server, daemons=daemons, relays=relays)
        for daemon, address in zip(daemons, (USER, OTHER), strict=True):
            write_office(daemon, address, more="disclose = false\n")
            daemon.start()
        if carry:
            for relay in relays:
                relay.forward = made.pass_on
        question = raw_mail(1).replace(b"customer1@customers.example", OTHER.encode())
        question = question.replace(b"customers.example", b"other.example")
        server.append(OTHER, "Sent", question)
        server.deliver(USER, question, OTHER)
        yield made
        for daemon in daemons:
            assert daemon.stop() == 0
            assert unspoken(daemon)


@pytest.mark.parametrize("strip", [(), MARKS], ids=["marked", "stripped"])
@pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])
def test_two_appliances_answer_each_other_once_at_most(
    tmp_path: Path, strip: tuple[str, ...], slow: bool
) -> None:
    with pair(tmp_path, strip=strip, carry=True, quick_answers_pass=slow) as both:
        both.daemons[0].until(lambda: both.sent[0] == 1)
        both.settle()
        assert both.sent == ((1, 1) if strip else (1, 0))


def test_two_appliances_without_marks_and_threads_stop_at_the_cap_for_a_sender(
    tmp_path: Path,
) -> None:
    with pair(tmp_path, strip=MARKS + THREADS, carry=True, quick_answers_pass=True) as both:
        both.daemons[0].until(lambda: both.sent[0] >= 1)
        both.settle()
        assert max(both.sent) <= 3


@pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])
def test_a_restart_of_both_in_the_middle_begins_no_loop(tmp_path: Path, slow: bool) -> None:
    with pair(tmp_path, strip=MARKS, carry=False, quick_answers_pass=slow) as both:
        for number in (0, 1):
            both.daemons[number].until(lambda number=number: both.sent[number] == 1)  # type: ignore[misc]
            both.restart()
            (mail,) = both.relays[number].mails
            both.carry(both.relays[number], mail)
        both.settle()
        assert both.sent == (1, 1)


CAPS = "per_thread = 1\nper_sender_per_day = 2\nper_hour = 4\n"


def test_caps_hold_across_restarts(tmp_path: Path) -> None:
    command = chatty(quick_answers_pass=True)
    with imap_site(tmp_path, automatic=True, command=command) as site:
        assert site.daemon.stop() == 0
        write_office(site.daemon, USER, CAPS)
        site.daemon.start()
        site.deliver(4)
        site.daemon.until(lambda: site.state(4) == "sent")
        restarted(site)
        from_customer(site, 4, 5, "In-Reply-To: <question-4@customers.example>\n")
        site.daemon.until(lambda: site.state(5) == "drafted")
        for number in (11, 12):
            from_customer(site, 1, number)
        site.daemon.until(lambda: site.state(11) == site.state(12) == "sent")
        restarted(site)
        from_customer(site, 1, 13)
        site.daemon.until(lambda: site.state(13) == "drafted")
        site.deliver(2)
        site.daemon.until(lambda: site.state(2) == "sent")
        restarted(site)
        site.deliver(3)
        site.daemon.until(lambda: site.state(3) == "drafted")
        assert rules(site, 5) == {"thread_cap"}
        assert rules(site, 13) == {"sender_cap"}
        assert rules(site, 3) == {"hourly_breaker"}
        assert len(site.relay.mails) == 4


def restarted(site: Site) -> None:
    site.daemon.kill()
    site.daemon.start()


def from_customer(site: Site, customer: int, number: int, headers: str = "") -> None:
    """Mail ``number``, but from another customer than the one of that number."""
    author = f"customer{customer}@customers.example"
    raw = raw_mail(number, headers=headers)
    raw = raw.replace(f"customer{number}@customers.example".encode(), author.encode())
    site.server.deliver(USER, raw, author)


def rules(site: Site, number: int) -> set[str]:
    """The rules that kept an answer from leaving."""
    why = site.daemon.client.call("mail.why", id=site.job(number)["id"])
    return {one["rule"] for one in why["findings"] if one["disposition"] != "pass"}
