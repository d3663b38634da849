"""An account at a real Dovecot with a real relay behind it, and an IMAP mailbox on it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from appliance.config.accounts import ImapSettings, SignIn, SmtpSettings
from appliance.config.secrets import Secret, Secrets
from appliance.config.settings import MailboxSettings
from appliance.daemon import SystemClock
from appliance.mailbox.account import open_account
from appliance.mailbox.imap import ImapMailbox
from tests.servers.dovecot import Dovecot
from tests.servers.relay import Relay

USER: Final = "desk@office.example.com"
PASSWORD: Final = "canary-password-71"
INBOX: Final = "Inbox"


class ImapAccount:
    """One user's account, looked at from outside over IMAP."""

    def __init__(self, server: Dovecot, relay: Relay, directory: Path, user: str = USER) -> None:
        self.server = server
        self.relay = relay
        self.user = user
        self.directory = directory
        self.delivered = 0
        self.mailbox = self.open()

    def settings(self) -> MailboxSettings:
        return MailboxSettings(
            name="north",
            office=self.directory,
            kind="imap",
            sign_in=SignIn(user=self.user, secret="desk"),
            imap=ImapSettings(host="127.0.0.1", port=self.server.imap, security="none"),
            smtp=SmtpSettings(host="127.0.0.1", port=self.relay.port, security="none"),
        )

    def open(self, state: str = "state") -> ImapMailbox:
        secrets = Secrets(self.directory / "secrets", environment={})
        secrets.put("desk", Secret(PASSWORD))
        place = self.directory / state
        place.mkdir(exist_ok=True)
        return open_account(self.settings(), secrets=secrets, state=place, clock=SystemClock())

    def restart(self) -> None:
        self.mailbox.close()
        self.mailbox = self.open()

    def deliver(self, raw: bytes) -> None:
        self.delivered += 1
        when = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.server.append(self.user, "INBOX", raw, when + timedelta(seconds=self.delivered))

    def person_sends(self, raw: bytes) -> None:
        self.server.append(self.user, "Sent", raw)

    def lying(self, folder: str) -> list[bytes]:
        name = "INBOX" if folder == INBOX else folder
        if name not in self.server.folders(self.user):
            return []
        return self.server.messages(self.user, name)
