"""What tests need to speak to the EWS server with exchangelib as it is, and by hand."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from exchangelib import (
    BASIC,
    DELEGATE,
    Account,
    Configuration,
    Credentials,
    ExtendedProperty,
    FailFast,
    Message,
)
from exchangelib.protocol import BaseProtocol, close_connections

from tests.servers.ews import EwsServer, Personality
from tests.servers.ews_xml import M, S, T

BOX = "info@office.example.com"
OTHER = "other@office.example.com"
SET = "5d1c2f0e-8d0a-4c5e-9f7e-2f0b7f3c9a11"
PROPERTIES: dict[str, dict[str, str | int]] = {
    "x_mark": {"property_set_id": SET, "property_name": "Mark"},
    "x_message_id": {"property_tag": 0x1035},
    "x_transport": {"property_tag": 0x007D},
    "x_search_key": {"property_tag": 0x300B, "property_type": "Binary"},
    "x_last_verb": {"property_tag": 0x1081, "property_type": "Integer"},
    "x_automatic": {
        "distinguished_property_set_id": "InternetHeaders",
        "property_name": "Auto-Submitted",
    },
}
"""Extended properties of a Message in these tests."""


@contextmanager
def properties() -> Iterator[None]:
    """The library keeps such properties in the class itself."""
    for name, attributes in PROPERTIES.items():
        kind = {"property_type": "String", **attributes}
        Message.register(name, type(name, (ExtendedProperty,), kind))
    try:
        yield
    finally:
        for name in PROPERTIES:
            Message.deregister(name)


class Site:
    """Starts servers and signs in; the library trusts the authority of the last one."""

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self._directory, self._patch = directory, patch
        self._servers: list[EwsServer] = []
        patch.setattr(BaseProtocol, "TIMEOUT", 30)

    def server(self, personality: Personality, **settings: Any) -> EwsServer:
        settings = {
            "users": {"desk": "secret"},
            "mailboxes": (BOX, OTHER),
            "access": {"desk": {BOX}},
            "directory": self._directory,
            **settings,
        }
        server = EwsServer(personality=personality, **settings)
        if server.ca_file is not None:
            self._patch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
        server.start()
        self._servers.append(server)
        return server

    def account(
        self,
        server: EwsServer,
        mailbox: str = BOX,
        *,
        credentials: Any = None,
        auth: str = BASIC,
        access: str = DELEGATE,
        connections: int = 2,
    ) -> Any:
        configuration = Configuration(
            service_endpoint=server.url,
            credentials=credentials or Credentials("desk", "secret"),
            auth_type=auth,
            retry_policy=FailFast(),
            max_connections=connections,
        )
        return Account(
            primary_smtp_address=mailbox,
            config=configuration,
            autodiscover=False,
            access_type=access,
        )

    def close(self) -> None:
        close_connections()
        for server in self._servers:
            server.closed.set()
            server.stop()


def draft(account: Any, **more: Any) -> Any:
    """A mail of ours that lies in Drafts."""
    fields = {
        "subject": "Re: Frage",
        "body": "Danke",
        "to_recipients": ["anna@client.example"],
        **more,
    }
    return Message(account=account, folder=account.drafts, **fields).save()


def ask(server: EwsServer, body: str, **options: Any) -> requests.Response:
    """Send a request that the library would not send; ``options`` as for ``requests.post``."""
    envelope = (
        f'<s:Envelope xmlns:s="{S}" xmlns:m="{M}" xmlns:t="{T}"><s:Body>{body}</s:Body>'
        "</s:Envelope>"
    )
    options = {"auth": ("desk", "secret"), "timeout": 30, **options}
    return requests.post(server.url, data=envelope.encode(), **options)


def together(*tasks: Callable[[], object]) -> list[object]:
    """Run tasks at the same time; what each returned or raised, in their order."""
    results: list[object] = [None] * len(tasks)

    def run(number: int) -> None:
        try:
            results[number] = tasks[number]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def mail(number: int, *, subject: str = "", more: str = "", text: str = "") -> bytes:
    """A mail from outside; ``more`` are further header lines with CRLF."""
    return (
        f"From: Anna Beispiel <anna{number}@client.example>\r\nTo: {BOX}\r\n"
        f"Subject: {subject or f'Frage {number}'}\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
        f"Message-ID: <m{number}@client.example>\r\n{more}"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"{text or f'Hallo {number}, 您好'}\r\n"
    ).encode()
