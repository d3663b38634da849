"""A mailbox of a store of mails keeps the contract of every mailbox, whatever the store is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from appliance.config.accounts import ExchangeSettings
from appliance.config.settings import MailboxSettings
from appliance.daemon import SystemClock
from appliance.mailbox.places import Place
from appliance.mailbox.store_account import mailbox_over
from appliance.mailbox.store_mailbox import StoreMailbox
from tests.contract.mailbox_contract import MailboxContract
from tests.memory_mailstore import MemoryStore

FOLDERS: Final = {
    "Inbox": Place.INBOX,
    "Sent": Place.SENT,
    "Drafts": Place.DRAFTS,
    "Handled": Place.HANDLED,
    "Held": Place.HELD,
    "Skipped": Place.SKIPPED,
}


class MemoryAccount:
    """An account in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.mailbox = self._open()

    def _open(self) -> StoreMailbox:
        settings = MailboxSettings(
            name="north",
            office=Path("office"),
            kind="exchange",
            exchange=ExchangeSettings(backlog_days=36_500),
        )
        return mailbox_over(self.store, settings, box="box-1", clock=SystemClock())

    def restart(self) -> None:
        self.mailbox.close()
        self.mailbox = self._open()

    def deliver(self, raw: bytes) -> None:
        self.store.deliver(raw)

    def person_sends(self, raw: bytes) -> None:
        self.store.deliver(raw, Place.SENT)

    def lying(self, folder: str) -> list[bytes]:
        return self.store.lying(FOLDERS[folder])


class TestStoreMailbox(MailboxContract):
    @pytest.fixture
    def account(self) -> Iterator[MemoryAccount]:
        account = MemoryAccount()
        yield account
        account.mailbox.close()
