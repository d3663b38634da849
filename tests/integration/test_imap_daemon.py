"""A daemon on a real account while accounts, clocks, people and other daemons move things."""

import re
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD, USER
from tests.imap_daemon import PATIENT, account_toml, imap_daemon
from tests.imap_site import Site, imap_site, unspoken
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.faults import FaultProxy
from tests.servers.relay import Relay

SECOND = "second@office.example.com"
UNDO = PATIENT.replace("undo_seconds = 0.0", "undo_seconds = 2.0")


def altered(code: str, *files: Path) -> tuple[str, ...]:
    """The real command line, after ``code``, for which the paths of ``files`` are in ``FILES``."""
    program = (
        "import sys, threading\n"
        "from pathlib import Path\n"
        "from appliance.cli.app import run\n"
        f"FILES = {[str(file) for file in files]!r}\n"
        f"{code}\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    return "-c", program


def test_a_new_uidvalidity_answers_nothing_twice(tmp_path: Path) -> None:
    with imap_site(tmp_path) as site:
        site.deliver(1, 2)
        site.until_states("drafted", "drafted")
        site.approve(1)
        site.daemon.until(lambda: site.answered_once(1) and len(site.lying("Handled")) == 1)
        for folder in ("INBOX", "Sent", "Handled", "Drafts", "Appliance"):
            site.server.reset_uidvalidity(USER, folder)
        site.deliver(3)
        site.until_states("sent", "drafted", "drafted")
        site.approve(2, 3)
        site.daemon.until(lambda: site.answered_once(1, 2, 3) and len(site.lying("Handled")) == 3)
        assert site.lying("INBOX") == site.lying("Drafts") == []
        assert len(site.lying("Sent")) == 3
        assert site.troubles() == {}


@pytest.mark.parametrize("again", [True, False], ids=["made again", "gone"])
def test_folders_that_are_deleted_lose_no_mail(tmp_path: Path, again: bool) -> None:
    with imap_site(tmp_path) as site:
        site.deliver(1, 2)
        site.until_states("drafted", "drafted")
        site.approve(1)
        site.daemon.until(lambda: site.answered_once(1) and len(site.lying("Handled")) == 1)
        for folder in ("Handled", "Sent", "Drafts", "Appliance"):
            site.server.delete_folder(USER, folder)
            if again:
                with site.server.session(USER) as client:
                    client.create_folder(folder)
        site.deliver(3)
        site.until_states("sent", "drafted", "drafted")
        site.approve(2, 3)
        site.daemon.until(lambda: site.answered_once(1, 2, 3) and len(site.lying("Handled")) == 2)
        assert site.lying("INBOX") == []
        assert len(site.lying("Sent")) == 2
        assert site.troubles() == {}


CLOCK = """
from datetime import UTC, datetime, timedelta
from appliance.daemon import SystemClock
def now(clock):
    return datetime.now(UTC) - timedelta(seconds=float(Path(FILES[0]).read_text()))
SystemClock.now = now
"""


def set_back(file: Path, seconds: int) -> None:
    new = file.with_suffix(".new")
    new.write_text(f"{seconds}")
    new.rename(file)


def test_a_clock_that_is_set_back_an_hour_answers_nothing_twice(tmp_path: Path) -> None:
    back = tmp_path / "back"
    set_back(back, 0)
    with imap_site(tmp_path, automatic=True, command=altered(CLOCK, back)) as site:
        site.deliver(1, 2)
        site.daemon.until(lambda: site.answered_once(1, 2))
        set_back(back, 3600)
        site.deliver(3)
        site.daemon.until(lambda: site.answered_once(1, 2, 3))
        assert site.daemon.stop() == 0
        site.daemon.start()
        site.deliver(4)
        site.daemon.until(lambda: site.answered_once(1, 2, 3, 4))
        set_back(back, 0)
        site.deliver(5)
        site.daemon.until(lambda: site.answered_once(1, 2, 3, 4, 5))
        site.daemon.until(lambda: len(site.lying("Handled")) == 5)
        assert site.daemon.states() == ["sent"] * 5


def test_what_was_due_before_the_clock_was_set_back_leaves_once(tmp_path: Path) -> None:
    back = tmp_path / "back"
    set_back(back, 0)
    with imap_site(tmp_path, flow=UNDO, command=altered(CLOCK, back)) as site:
        site.deliver(1)
        site.until_states("drafted")
        site.approve(1)
        set_back(back, 3600)
        site.deliver(2)
        site.until_states("approved", "drafted")
        set_back(back, 0)
        site.daemon.until(lambda: site.answered_once(1))


GATE = """
from appliance.flow.clerk import Clerk
screen, gate = Clerk._screen, Path(FILES[0])
def wait(clerk, job):
    while not gate.exists():
        threading.Event().wait(0.02)
    return screen(clerk, job)
Clerk._screen = wait
"""


def moved(site: Site, target: str, source: str = "INBOX") -> None:
    """Another program of the user moves every mail of a folder."""
    with site.server.session(USER, source) as client:
        if target not in site.server.folders(USER):
            client.create_folder(target)
        client.move(client.search("ALL"), target)


@pytest.mark.parametrize("target", ["Elsewhere", "Handled"])
def test_a_mail_that_is_moved_before_it_is_screened_is_answered_once(
    tmp_path: Path, target: str
) -> None:
    gate = tmp_path / "gate"
    with imap_site(tmp_path, automatic=True, command=altered(GATE, gate)) as site:
        site.deliver(1)
        site.until_states("received")
        moved(site, target)
        gate.touch()
        site.daemon.until(lambda: site.answered_once(1))
        finished(site, target)


def test_a_mail_that_is_moved_while_it_waits_is_answered_once(tmp_path: Path) -> None:
    with imap_site(tmp_path, flow=UNDO) as site:
        site.deliver(1)
        site.until_states("drafted")
        moved(site, "Elsewhere")
        site.approve(1)
        moved(site, "Third", "Elsewhere")
        site.daemon.until(lambda: site.answered_once(1))
        finished(site, "Third")


def test_a_mail_that_is_moved_to_handled_while_approved_is_answered_once(tmp_path: Path) -> None:
    with imap_site(tmp_path, flow=UNDO) as site:
        site.deliver(1)
        site.until_states("drafted")
        site.approve(1)
        moved(site, "Handled")
        site.daemon.until(lambda: site.answered_once(1))
        site.daemon.until(lambda: b"\\Answered" in site.server.flags(USER, "Handled")[0])
        finished(site, "Handled")


def finished(site: Site, folder: str) -> None:
    """The answered mail lies in ``folder``; a later one, and the first moved back, change nothing."""
    site.until_states("sent")
    assert len(site.lying(folder)) == 1
    moved(site, "INBOX", folder)
    site.deliver(2)
    site.daemon.until(lambda: len(site.daemon.jobs()) == 2)
    site.daemon.until(lambda: site.state(2) in {"drafted", "sent"})
    assert site.state(1) == "sent"
    assert site.answers()["customer1@customers.example"] == 1
    assert any(b"Subject: Question 1" in raw for raw in site.lying("INBOX"))
    assert site.troubles() == {}


SOON = """
from datetime import timedelta
from appliance.flow import intake
from appliance.mailbox import claim
intake._RIVAL_WAIT = timedelta(seconds=0.5)
claim._ASKED_SECONDS = 0.4
"""


def test_a_second_box_answers_nothing_until_the_first_has_ended(tmp_path: Path) -> None:
    with imap_site(tmp_path / "first", automatic=True) as site:
        site.deliver(1)
        site.daemon.until(lambda: site.answered_once(1))
        second = imap_daemon(
            tmp_path / "second",
            imap=site.server.imap,
            smtp=site.relay.port,
            automatic=True,
            command=altered(SOON),
        )
        second.start()
        refused = "Another appliance"
        second.until(lambda: refused in status_of(second))
        site.deliver(2)
        site.daemon.until(lambda: site.answered_once(1, 2))
        assert second.jobs() == []
        assert second.log.read_text().count(refused) == 1
        assert second.client.call("status")["mailboxes"][0]["contact"] == "dead"
        assert site.daemon.stop() == 0
        second.until(lambda: status_of(second) == "")
        site.deliver(3)
        second.until(lambda: site.answered_once(1, 2, 3))
        assert second.stop() == 0
        assert unspoken(second)


def status_of(daemon: DaemonProcess) -> str:
    """Every trouble in one text."""
    return "\n".join(item["reason"] for item in daemon.client.call("status")["troubles"])


def test_a_second_daemon_on_a_maildir_ends_with_a_sentence(tmp_path: Path) -> None:
    first = DaemonProcess(tmp_path / "first")
    first.start()
    second = DaemonProcess(tmp_path / "second", account=f'path = "{first.mail}"\n')
    second.start(wait=False)
    second.until(second.ended)
    assert second.process is not None
    assert second.process.returncode == 2
    assert re.search(r"(?i)another \w+", second.log.read_text())
    first.deliver("mail", raw_mail(1))
    first.until(lambda: first.states() == ["drafted"])
    assert first.stop() == 0


def test_one_dead_server_keeps_no_other_mailbox_from_being_answered(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Dovecot({USER: PASSWORD, SECOND: PASSWORD}))
        relay = stack.enter_context(Relay())
        line = stack.enter_context(FaultProxy(("127.0.0.1", server.imap)))
        folder = tmp_path / "folder"
        office = tmp_path / "office"
        more = (
            f'[[mailbox]]\nname = "second"\noffice = "{office}"\npoll_seconds = 1.0\n'
            + account_toml(line.port, relay.port, user=SECOND)
            + f'[[mailbox]]\nname = "third"\noffice = "{office}"\npoll_seconds = 1.0\n'
            f'path = "{folder}"\n'
        )
        daemon = imap_daemon(tmp_path, imap=server.imap, smtp=relay.port, automatic=True, more=more)
        daemon.mail = folder
        daemon.start()
        site = Site(server=server, relay=relay, daemon=daemon)
        other = Site(server=server, relay=relay, daemon=daemon, user=SECOND)
        other.deliver(1)
        daemon.until(lambda: site.answered_once(1))
        line.down()
        other.deliver(2)
        daemon.until(lambda: "mail in second" in site.troubles())
        site.deliver(3, 4)
        daemon.deliver("mail", raw_mail(5))
        daemon.until(lambda: site.answered_once(1, 3, 4) and len(daemon.in_folder("Sent")) == 1)
        assert set(site.troubles()) <= {"mail in second", "filing second"}
        line.up()
        daemon.until(lambda: site.answered_once(1, 2, 3, 4))
        assert daemon.stop() == 0
        assert unspoken(daemon)


def test_a_wrong_password_is_told_once_and_not_shown_again_and_again(tmp_path: Path) -> None:
    with Dovecot({USER: "another-password"}) as server, Relay() as relay:
        daemon = imap_daemon(tmp_path, imap=server.imap, smtp=relay.port)
        daemon.start()
        daemon.until(lambda: "refused the user name or the password" in status_of(daemon))
        tried = attempts(server)
        threading.Event().wait(5.0)
        assert attempts(server) == tried <= 2
        assert daemon.log.read_text().count("trouble=") == 1
        status = daemon.client.call("status")
        assert status["mailboxes"][0]["contact"] == "dead"
        assert daemon.stop() == 0
        assert unspoken(daemon)


def attempts(server: Dovecot) -> int:
    """How often anybody tried to sign in."""
    return server.log.read_text().count("rip=127.0.0.1")
