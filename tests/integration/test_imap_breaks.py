"""An act on an IMAP account that breaks off at any command is repeated, and leaves nothing behind."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from appliance.config.settings import MailboxSettings
from appliance.domain.draft import Reply
from appliance.domain.mail import Message, MessageId
from appliance.domain.verdict import Disposition
from appliance.mailbox.imap import ImapMailbox
from tests.factories import reply as answer
from tests.imap_account import PASSWORD, ImapAccount
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.faults import FaultProxy, When
from tests.servers.relay import Relay

FOLDERS: Final = ("Inbox", "Handled", "Held", "Drafts", "Sent")
Act = Callable[[ImapMailbox, Message, Reply], None]
Lying = dict[str, int]
WHENS: Final[tuple[When, ...]] = ("before", "after")


class Account(ImapAccount):
    """Reached through a proxy; looked at past it."""

    def __init__(self, server: Dovecot, relay: Relay, case: Path, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(server, relay, case, user=user(case.name))

    def settings(self) -> MailboxSettings:
        direct = super().settings()
        return replace(direct, imap=replace(direct.imap, port=self.proxy.port))

    def lying_everywhere(self) -> Lying:
        """How many mails lie in each folder that is not empty, deleted ones too."""
        found: Lying = {}
        with self.server.session(self.user) as client:
            for folder in FOLDERS:
                if client.folder_exists(folder):
                    client.select_folder(folder)
                    found[folder] = len(client.search("ALL"))
        return {folder: count for folder, count in found.items() if count}

    def begin(self, raw: bytes) -> None:
        """Nothing lies anywhere but this mail in the inbox."""
        with self.server.session(self.user) as client:
            for folder in FOLDERS:
                if client.folder_exists(folder):
                    client.select_folder(folder)
                    client.delete_messages(client.search("ALL"))
                    client.expunge()
            client.append("Inbox", raw)


def save(mailbox: ImapMailbox, _message: Message, reply: Reply) -> None:
    mailbox.save_draft(reply)


def withdraw(mailbox: ImapMailbox, message: Message, _reply: Reply) -> None:
    mailbox.withdraw_drafts(message)


def hold(mailbox: ImapMailbox, message: Message, _reply: Reply) -> None:
    mailbox.file(message, Disposition.HOLD)


def close(mailbox: ImapMailbox, message: Message, reply: Reply) -> None:
    mailbox.file(message, Disposition.PASS, reply)


ACTS: Final[dict[str, tuple[Act, Lying]]] = {
    "save": (save, {"Inbox": 1, "Drafts": 1}),
    "withdraw": (withdraw, {"Inbox": 1}),
    "hold": (hold, {"Held": 1, "Drafts": 1}),
    "close": (close, {"Handled": 1, "Drafts": 1, "Sent": 1}),
}


def user(case: str) -> str:
    return f"{case}@office.example.com"


def breaks(server: Dovecot, case: Path, name: str, when: When) -> list[tuple[bytes, Lying]]:
    """For each command at which the act broke off, what lies where after it was repeated."""
    found: list[tuple[bytes, Lying]] = []
    case.mkdir()
    with Relay() as relay, FaultProxy((server.host, server.imap)) as proxy:
        account = Account(server, relay, case, proxy)
        while True:
            account.begin(raw_mail(len(found)))
            (message,) = account.mailbox.fetch(None, 10).messages
            first = replace(answer(message), id=MessageId("first@office.example.com"))
            account.mailbox.save_draft(first)
            begun, nth = len(proxy.commands), len(found) + 1
            proxy.drop(nth=nth, when=when)
            ACTS[name][0](account.mailbox, message, answer(message))
            if proxy.applied["drop"] == nth:
                found.append((proxy.commands[begun + nth - 1], account.lying_everywhere()))
            else:
                assert account.lying_everywhere() == ACTS[name][1]
                break
            proxy.clear()
        account.mailbox.close()
    return found


Found = Mapping[tuple[str, str], Future[list[tuple[bytes, Lying]]]]


@pytest.fixture(params=[(), ("MOVE",)], ids=["move", "copy"], scope="module")
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Found]:
    """Every act at once, each on an account of its own: nearly all of it is waiting."""
    directory = tmp_path_factory.mktemp("breaks")
    cases: list[tuple[str, When]] = [(name, when) for name in ACTS for when in WHENS]
    users = {user(f"{name}-{when}"): PASSWORD for name, when in cases}
    with (
        Dovecot(users, Setup(hidden=request.param)) as server,
        ThreadPoolExecutor(len(cases)) as pool,
    ):
        yield {
            (name, when): pool.submit(breaks, server, directory / f"{name}-{when}", name, when)
            for name, when in cases
        }


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("name", ACTS)
def test_an_act_that_breaks_off_at_any_command_is_done_once(
    found: Found, name: str, when: When
) -> None:
    expected = ACTS[name][1]
    ended = found[name, when].result()
    assert len(ended) >= 5
    assert [one for one in ended if one[1] != expected] == []
