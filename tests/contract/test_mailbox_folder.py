"""The folder mailbox keeps the contract of every mailbox."""

import mailbox
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from appliance.host.watch import FolderWatch
from appliance.mailbox.folder import FolderMailbox, prepare
from tests.contract.mailbox_contract import INBOX, MailboxContract
from tests.fakes import FakeClock

BASE: Final = 1_700_000_000


class FolderAccount:
    """A Maildir, filled and looked at with the standard library's own implementation."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.delivered = 0
        self.watch = FolderWatch()
        self.mailbox = self._open()

    def _open(self) -> FolderMailbox:
        watched = prepare(self.root, name="north")
        return FolderMailbox(
            name="north", path=self.root, waiter=self.watch.bell(*watched), clock=FakeClock()
        )

    def restart(self) -> None:
        self.mailbox.close()
        self.watch.close()
        self.watch = FolderWatch()
        self.mailbox = self._open()

    def deliver(self, raw: bytes) -> None:
        self.delivered += 1
        maildir = mailbox.Maildir(self.root, create=False)
        key = maildir.add(raw)
        os.utime(self.root / "new" / key, times=(BASE + self.delivered,) * 2)

    def person_sends(self, raw: bytes) -> None:
        mailbox.Maildir(self.root / "Sent", create=False).add(raw)

    def lying(self, folder: str) -> list[bytes]:
        root = self.root if folder == INBOX else self.root / folder
        maildir = mailbox.Maildir(root, create=False)
        return [maildir.get_bytes(key) for key in sorted(maildir.keys())]


class TestFolderMailbox(MailboxContract):
    @pytest.fixture
    def account(self, tmp_path: Path) -> Iterator[FolderAccount]:
        account = FolderAccount(tmp_path / "mail")
        yield account
        account.watch.close()
