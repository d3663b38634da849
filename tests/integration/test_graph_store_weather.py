"""Replies that leave by Graph while its answers get lost by chance: never twice, none forgotten."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from appliance.domain.draft import Evidence, Reply
from appliance.domain.errors import MailboxUnreachable, ReplyDeferred
from appliance.domain.mail import Address, MessageId
from appliance.mailbox.places import Place
from appliance.mailbox.store_arrivals import StoreArrivals
from appliance.mailbox.store_claim import StoreClaim
from appliance.mailbox.store_mailbox import StoreMailbox
from tests.fakes import FakeClock
from tests.graph_account import DESK, GraphAccount
from tests.integration.test_graph_store_sending import answer
from tests.raw_mail import raw_mail

T = TypeVar("T")
REPLIES = 10
PATIENCE = 300


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def account(tmp_path: Path, clock: FakeClock) -> Iterator[GraphAccount]:
    with GraphAccount(tmp_path, clock) as account:
        account.server.local_delivery = False
        yield account


class Office:
    """The mailbox over a Graph store, with somebody who tries again whatever happens."""

    def __init__(self, account: GraphAccount, clock: FakeClock) -> None:
        self._clock = clock
        store = account.store()
        inbox, sent = (
            StoreArrivals(
                mailbox="desk",
                store=store,
                place=place,
                backlog_days=36_500,
                largest_mb=20,
                clock=clock,
            )
            for place in (Place.INBOX, Place.SENT)
        )
        self.mailbox = StoreMailbox(
            name="desk",
            store=store,
            arrivals=inbox,
            sent_mail=sent,
            claim=StoreClaim(store, box="box-1", host="counter", clock=clock),
            clock=clock,
            opened=clock.steady(),
        )

    def pause(self) -> None:
        self._clock.advance(timedelta(seconds=61))

    def patiently(self, act: Callable[[], T]) -> T:
        for _ in range(PATIENCE):
            try:
                return act()
            except MailboxUnreachable:
                self.pause()
        raise AssertionError("The weather never cleared.")

    def deliver(self, reply: Reply) -> int:
        """Send until it certainly left; how many tries that took."""
        for tried in range(1, PATIENCE):
            if self._left(reply):
                return tried
            self.pause()
        raise AssertionError("The reply never left.")

    def _left(self, reply: Reply) -> bool:
        committed: list[bool] = []
        try:
            self.mailbox.send(reply, lambda: committed.append(True))
        except ReplyDeferred:
            return False
        except MailboxUnreachable:
            if not committed:
                return False
        else:
            return True
        self.pause()
        evidence = self.patiently(lambda: self.mailbox.find_sent(reply))
        # Here what is sent leaves at once, so doubt would be a fault of ours.
        assert evidence is not Evidence.UNKNOWN
        return evidence is Evidence.SENT


@pytest.mark.parametrize("seed", range(6))
def test_in_any_weather_each_reply_leaves_once(
    account: GraphAccount, clock: FakeClock, seed: int
) -> None:
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(REPLIES)])
    office = Office(account, clock)
    batch = office.mailbox.fetch(None, REPLIES)
    assert [message.subject for message in batch.messages] == [
        f"Question {number}" for number in range(REPLIES)
    ]
    account.server.faults.weather(Random(seed), 0.2)
    tries = [
        office.deliver(
            answer(
                id=MessageId(f"reply-{number}@office.example.com"),
                original=message.uid,
                in_reply_to=message.id,
                recipient=Address(message.sender.address),
            )
        )
        for number, message in enumerate(batch.messages)
    ]
    account.server.faults.clear()
    clock.advance(timedelta(hours=1))
    left = Counter(
        message_from_bytes(raw, policy=policy.default)["Message-ID"]
        for _, raw in account.server.posted
    )
    assert left == {f"<reply-{number}@office.example.com>": 1 for number in range(REPLIES)}
    assert len(account.server.lying(DESK, "Sent")) == REPLIES
    assert sum(tries) > REPLIES
    assert account.server.faults.struck
