"""The mailbox over Microsoft Graph keeps the contract of every mailbox, against our own server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.daemon import SystemClock
from appliance.mailbox.store_account import mailbox_over
from appliance.mailbox.store_mailbox import StoreMailbox
from tests.contract.mailbox_contract import MailboxContract
from tests.factories import OFFICE
from tests.graph_account import DESK, GraphAccount


class GraphContractAccount:
    """One mailbox at the server, looked at from outside."""

    def __init__(self, account: GraphAccount) -> None:
        self.account = account
        self.server = account.server
        self.server.allow_sending_as(DESK, OFFICE)
        self.mailbox = self._open()

    def _open(self) -> StoreMailbox:
        store = self.account.store()
        return mailbox_over(store, self.account.settings(), box="box-1", clock=self.account.clock)

    def restart(self) -> None:
        self.mailbox.close()
        self.mailbox = self._open()

    def deliver(self, raw: bytes) -> None:
        self.server.deliver(DESK, raw)

    def person_sends(self, raw: bytes) -> None:
        self.server.person_sends(DESK, raw)

    def lying(self, folder: str) -> list[bytes]:
        return self.server.lying(DESK, folder)


class TestGraphMailbox(MailboxContract):
    @pytest.fixture
    def account(self, tmp_path: Path) -> Iterator[GraphContractAccount]:
        with GraphAccount(tmp_path, SystemClock()) as server:
            account = GraphContractAccount(server)
            yield account
            account.mailbox.close()
