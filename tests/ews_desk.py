"""A store on a mailbox at the EWS server of the tests, with sign-ins whose secrets can change."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appliance.config.accounts import ExchangeSettings
from appliance.config.secrets import Secret
from appliance.config.settings import MailboxSettings
from appliance.domain.draft import Reply
from appliance.domain.errors import CredentialsRefused
from appliance.domain.mail import Address, MessageId
from appliance.mailbox.exchange.store import EwsStore, open_store
from appliance.mailbox.mailstore import Listed, Mail
from appliance.mailbox.places import Place
from appliance.mailbox.record import Recorder
from appliance.mailbox.signin import PasswordSignIn, SignIn, SignInMethod
from tests.fakes import NOON, FakeClock
from tests.servers.ews import EXCHANGE, EwsServer, Personality

DESK = "desk@office.example.com"
OTHER = "other@office.example.com"
USER = "desk"
PASSWORD = "correct horse battery"

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Tokens:
    """A ``SignInMethod``: hands out ``token-1``, and after a refusal the next one."""

    bearer = True
    user = DESK

    def __init__(self) -> None:
        self.number = 1
        self.renewals = 0
        self.refuse = False

    def secret(self, *, renew: bool) -> Secret:
        if renew:
            self.renewals += 1
            if self.refuse:
                raise CredentialsRefused("The sign-in no longer counts.")
            self.number += 1
        return Secret(f"token-{self.number}")


class EwsDesk:
    """The server, its secrets, and stores on its mailboxes."""

    def __init__(self, server: EwsServer, directory: Path, clock: FakeClock) -> None:
        self.server = server
        self.clock = clock
        self.password = PASSWORD
        self.tokens = Tokens()
        self.rest = timedelta(hours=2)
        self._directory = directory
        self._stores: list[EwsStore] = []

    @property
    def way(self) -> str:
        """The send path that this server honours."""
        return "send_item" if self.server.personality.send_item_files else "update_item"

    def settings(self, **changes: Any) -> MailboxSettings:
        """The configuration; ``changes`` are of the table ``exchange``."""
        values: dict[str, Any] = {
            "server": self.server.url,
            "mailbox": DESK,
            "auth": "basic",
            "ca_file": self.server.ca_file,
            "send": self.way,
        }
        exchange = ExchangeSettings(**(values | changes))
        return MailboxSettings(
            name="desk", office=self._directory, kind="exchange", exchange=exchange
        )

    def store(
        self,
        *,
        method: SignInMethod | None = None,
        recorder: Recorder | None = None,
        **changes: Any,
    ) -> EwsStore:
        """A store on the desk; ``changes`` as in ``settings``."""
        password = PasswordSignIn(user=USER, read=lambda: Secret(self.password))
        opened = open_store(
            self.settings(**changes),
            sign_in=SignIn(method or password, self.clock),
            clock=self.clock,
            recorder=recorder,
        )
        self._stores.append(opened)
        return opened

    def close(self) -> None:
        """Close every store that was opened here."""
        for store in self._stores:
            store.close()

    def asked(self, *operations: str) -> list[str]:
        """The operations that reached the server, in order; only these, where some are named."""
        every = [request.operation for request in list(self.server.requests)]
        return [one for one in every if not operations or one in operations]


@contextmanager
def ews_desk(
    directory: Path, personality: Personality = EXCHANGE, **server: Any
) -> Iterator[EwsDesk]:
    """A desk that its user has full access to, and another mailbox."""
    values: dict[str, Any] = {
        "users": {USER: PASSWORD},
        "mailboxes": (DESK, OTHER),
        "access": {USER: {DESK}},
        "tokens": {"token-1": USER},
        "directory": directory,
        "personality": personality,
    }
    with EwsServer(**(values | server)) as running:
        desk = EwsDesk(running, directory, FakeClock())
        try:
            yield desk
        finally:
            desk.close()


def waiting(store: EwsStore, place: Place = Place.INBOX) -> list[Listed]:
    """Everything in a folder."""
    return list(store.begin(place, LONG_AGO).waiting)


def mails(store: EwsStore, place: Place = Place.INBOX) -> list[Mail]:
    """Everything in a folder, read."""
    return list(store.read(waiting(store, place)))


def reply(number: int = 1, **changes: Any) -> Reply:
    """An automatic answer to the question of customer ``number``."""
    asked = MessageId(f"question-{number}@customers.example")
    values: dict[str, Any] = {
        "id": MessageId(f"reply-{number}@box.example"),
        "in_reply_to": asked,
        "references": (MessageId("first@customers.example"), asked),
        "sender": Address(DESK),
        "sender_name": "北门办事处",
        "recipient": Address(f"customer{number}@customers.example"),
        "recipient_name": f"Kundin {number}",
        "subject": "回复: Öffnungszeiten",
        "text": "您好，\n\nwe open at nine & close at <five>.\n\n-- \nNorthgate\n",
        "date": NOON,
        "automatic": True,
        "headers": (
            ("Auto-Submitted", "auto-replied"),
            ("X-Auto-Response-Suppress", "All"),
            ("X-Mail-Appliance-Loop", "desk"),
        ),
    }
    return Reply(**(values | changes))
