"""A whole site for tests: a real Dovecot, a real relay, and a real daemon between the two."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD, USER
from tests.imap_daemon import imap_daemon
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.relay import Relay

# Parts of every mail of ``raw_mail``, of every address and of the password.
UNSPEAKABLE = (PASSWORD, "opening hours", "Question", "customers.example", "@office.example.com")


@dataclass(slots=True, kw_only=True)
class Site:
    """One account with all that is around it."""

    server: Dovecot
    relay: Relay
    daemon: DaemonProcess
    user: str = USER

    def deliver(self, *numbers: int, **raw: str) -> None:
        """Mails of customers come in."""
        for number in numbers:
            sender = f"customer{number}@customers.example"
            self.server.deliver(self.user, raw_mail(number, **raw), sender)

    def lying(self, folder: str) -> list[bytes]:
        there = folder in self.server.folders(self.user)
        return self.server.messages(self.user, folder) if there else []

    def job(self, number: int) -> dict[str, Any]:
        """The row of the mail of customer ``number``."""
        (row,) = (row for row in self.daemon.jobs() if row["subject"] == f"Question {number}")
        return row

    def state(self, number: int) -> str:
        """Its state, empty while it is not there."""
        rows = [row for row in self.daemon.jobs() if row["subject"] == f"Question {number}"]
        return str(rows[0]["state"]) if rows else ""

    def until_states(self, *states: str) -> None:
        self.daemon.until(lambda: self.daemon.states() == sorted(states))

    def approve(self, *numbers: int) -> None:
        for number in numbers:
            self.daemon.client.call("mail.approve", id=self.job(number)["id"])

    def answers(self) -> Counter[str]:
        """How often whom an answer left for."""
        return Counter(recipient for mail in self.relay.mails for recipient in mail.recipients)

    def answered_once(self, *numbers: int) -> bool:
        return self.answers() == {f"customer{number}@customers.example": 1 for number in numbers}

    def troubles(self) -> dict[str, str]:
        """What is wrong by part."""
        status = self.daemon.client.call("status")
        return {trouble["part"]: trouble["reason"] for trouble in status["troubles"]}


@contextmanager
def imap_site(directory: Path, setup: Setup | None = None, **options: Any) -> Iterator[Site]:
    """``options`` are those of ``imap_daemon``; at the end nothing secret stands in the log."""
    with Dovecot({USER: PASSWORD}, setup) as server, Relay() as relay:
        daemon = imap_daemon(directory, imap=server.imap, smtp=relay.port, **options)
        daemon.start()
        yield Site(server=server, relay=relay, daemon=daemon)
        if not daemon.ended():
            assert daemon.stop() == 0
        assert unspoken(daemon)


def unspoken(daemon: DaemonProcess) -> bool:
    """Whether the log holds neither secrets nor anything of a mail."""
    log = daemon.log.read_text()
    return not [word for word in UNSPEAKABLE if word in log]
