"""The mailbox over EWS keeps the contract of every mailbox, against our server as two kinds of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.mailbox_contract import MailboxContract
from tests.ews_account import EwsAccount
from tests.servers.ews import EXCHANGE, GROMMUNIO, Personality


class TestExchangeMailbox(MailboxContract):
    @pytest.fixture(params=[EXCHANGE, GROMMUNIO], ids=lambda one: one.name)
    def account(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EwsAccount]:
        personality: Personality = request.param
        with EwsAccount(tmp_path, personality) as account:
            yield account
