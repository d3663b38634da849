"""The IMAP mailbox keeps the contract of every mailbox, against a real Dovecot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.mailbox_contract import MailboxContract
from tests.imap_account import PASSWORD, USER, ImapAccount
from tests.servers.dovecot import Dovecot
from tests.servers.relay import Relay

NOTHING_MODERN = "IMAP4rev1 LITERAL+"


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with Relay() as relay:
        yield relay


class TestImapMailbox(MailboxContract):
    """With everything that Dovecot offers: IDLE, MOVE, UIDPLUS, SPECIAL-USE."""

    @pytest.fixture
    def account(self, tmp_path: Path, relay: Relay) -> Iterator[ImapAccount]:
        with Dovecot({USER: PASSWORD}) as server:
            account = ImapAccount(server, relay, tmp_path)
            yield account
            account.mailbox.close()
