"""A mailbox of a store of mails keeps the contract of every mailbox, whatever the store is."""

from collections.abc import Iterator
from typing import Final

import pytest

from appliance.daemon import SystemClock
from appliance.mailbox.places import Place
from appliance.mailbox.store_arrivals import StoreArrivals
from appliance.mailbox.store_claim import StoreClaim
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
        clock = SystemClock()
        inbox, sent = (
            StoreArrivals(
                mailbox="north",
                store=self.store,
                place=place,
                backlog_days=36_500,
                largest_mb=20,
                clock=clock,
            )
            for place in (Place.INBOX, Place.SENT)
        )
        return StoreMailbox(
            name="north",
            store=self.store,
            arrivals=inbox,
            sent_mail=sent,
            claim=StoreClaim(self.store, box="box-1", host="counter", clock=clock),
            clock=clock,
            opened=clock.steady(),
        )

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
