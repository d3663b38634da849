"""A shared mailbox at the EWS server of the tests, and a mailbox of ours on it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from appliance.config.accounts import ExchangeSettings, SignIn
from appliance.config.secrets import Secret
from appliance.config.settings import MailboxSettings
from appliance.daemon import SystemClock
from appliance.mailbox.exchange.store import open_store
from appliance.mailbox.signin import PasswordSignIn
from appliance.mailbox.signin import SignIn as Signing
from appliance.mailbox.store_account import mailbox_over
from appliance.mailbox.store_mailbox import StoreMailbox
from tests.factories import OFFICE
from tests.servers.ews import EXCHANGE, EwsServer, Personality

DESK: Final = "desk@office.example.com"
OTHER: Final = "other@office.example.com"
USER: Final = "svc-appliance"
PASSWORD: Final = "canary-password-72"

SEND_PATHS: Final = {"Exchange": "send_item", "grommunio": "update_item"}
"""Which the servers honour, as ``check --send`` finds out."""


class EwsAccount:
    """One mailbox at a server of a personality, looked at from outside."""

    def __init__(self, directory: Path, personality: Personality = EXCHANGE) -> None:
        self.directory = directory
        self.personality = personality
        self.delivered = 0
        self.begun = datetime.now(UTC) - timedelta(hours=1)
        self.server = EwsServer(
            users={USER: PASSWORD},
            mailboxes=(DESK, OTHER),
            access={USER: {DESK}},
            personality=personality,
            directory=directory,
        )
        self.server.send_as_allowed.add(OFFICE)

    def __enter__(self) -> Self:
        self.server.start()
        self.mailbox = self.open()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.mailbox.close()
        self.server.__exit__()

    def settings(self) -> MailboxSettings:
        return MailboxSettings(
            name="north",
            office=self.directory,
            kind="exchange",
            sign_in=SignIn(user=USER, secret="desk"),
            exchange=ExchangeSettings(
                server=self.server.url,
                mailbox=DESK,
                auth="basic",
                ca_file=self.server.ca_file,
                send=SEND_PATHS[self.personality.name],  # type: ignore[arg-type]
            ),
        )

    def open(self) -> StoreMailbox:
        clock = SystemClock()
        settings = self.settings()
        method = PasswordSignIn(user=USER, read=lambda: Secret(PASSWORD))
        store = open_store(settings, sign_in=Signing(method, clock), clock=clock)
        return mailbox_over(store, settings, box="box-1", clock=clock)

    def restart(self) -> None:
        self.mailbox.close()
        self.mailbox = self.open()

    def deliver(self, raw: bytes) -> None:
        """One mail a second: the server tells no smaller times."""
        self.delivered += 1
        when = self.begun + timedelta(seconds=self.delivered)
        self.server.deliver(DESK, raw, received=when)

    def person_sends(self, raw: bytes) -> None:
        self.server.person_sends(DESK, raw)

    def lying(self, folder: str) -> list[bytes]:
        return self.server.lying(DESK, folder)
