"""How ``EwsStore`` sends, and that nothing makes it send twice."""

import itertools
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from random import Random

import pytest

from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
    ReplyDeferred,
    ReplyRefused,
)
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place
from tests.ews_desk import DESK, PASSWORD, USER, EwsDesk, ews_desk, mails, reply
from tests.raw_mail import raw_mail
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality
from tests.servers.ews_faults import How, Weather, When

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda one: one.name)
SENDS = ("SendItem", "UpdateItem")
TAGS = {Tag.REPLY: "reply-1@box.example", Tag.ORIGIN: "origin-1"}


@pytest.fixture
def desk(tmp_path: Path, personality: Personality) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path, personality) as opened:
        yield opened


class Commit:
    """Counts; ``error`` is what it raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self.error = error

    def __call__(self) -> None:
        self.times += 1
        if self.error is not None:
            raise self.error


@BOTH
@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_what_is_sent_leaves_once_and_lies_among_the_sent_mail(
    desk: EwsDesk, threaded: bool, auth: str
) -> None:
    original = Ref(desk.server.deliver(DESK, raw_mail(1)))
    store = desk.store(auth=auth)
    ref = store.draft(reply(), TAGS, original if threaded else None)
    commit = Commit()
    store.send(ref, commit)
    assert commit.times == 1
    (posted,) = desk.server.posted
    assert posted.recipients == ("customer1@customers.example",)
    parsed = message_from_bytes(posted.raw, policy=default)
    assert parsed["Message-ID"] == "<reply-1@box.example>"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert store.tagged(Place.DRAFTS, Tag.REPLY, TAGS[Tag.REPLY]) == []
    (sent,) = store.tagged(Place.SENT, Tag.REPLY, TAGS[Tag.REPLY])
    (mail,) = mails(store, Place.SENT)
    assert (mail.ref, mail.reply) == (sent, "reply-1@box.example")
    with pytest.raises(MailboxUnreachable):
        store.send(ref, commit)
    assert (commit.times, len(desk.server.posted)) == (1, 1)


@BOTH
def test_what_commit_raises_passes_unchanged_and_nothing_is_sent(desk: EwsDesk) -> None:
    store = desk.store()
    ref = store.draft(reply(), TAGS, None)
    error = DiskFull("No room.")
    with pytest.raises(DiskFull) as raised:
        store.send(ref, Commit(error))
    assert raised.value is error
    assert desk.server.posted == []
    assert desk.asked(*SENDS) == []
    store.send(ref, Commit())
    assert len(desk.server.posted) == 1


def test_exchange_honours_the_other_way_of_sending_too(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store(send="update_item")
        ref = store.draft(reply(), TAGS, None)
        store.send(ref, Commit())
        assert len(desk.server.posted) == 1
        assert len(store.tagged(Place.SENT, Tag.REPLY, TAGS[Tag.REPLY])) == 1
        assert store.tagged(Place.DRAFTS, Tag.REPLY, TAGS[Tag.REPLY]) == []
        assert desk.server.items(DESK, "Sent")[0].subject == reply().subject
        assert not store.drafts_prove


def test_grommunio_says_nothing_of_use_to_the_wrong_way_of_sending(tmp_path: Path) -> None:
    with ews_desk(tmp_path, GROMMUNIO) as desk:
        store = desk.store(send="send_item")
        ref = store.draft(reply(), TAGS, None)
        with pytest.raises(MailboxUnreachable, match="Nobody knows"):
            store.send(ref, Commit())
        assert len(desk.server.posted) == 1
        assert desk.asked("SendItem") == ["SendItem"]


FAULTS = tuple(
    itertools.product(
        ("503", "drop", "busy", "429", "broken", "401", "freeze"), ("before", "after")
    )
)


@BOTH
@pytest.mark.parametrize(("how", "when"), FAULTS)
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_no_fault_makes_one_call_send_twice(desk: EwsDesk, how: How, when: When, auth: str) -> None:
    store = desk.store(auth=auth)
    ref = store.draft(reply(), TAGS, None)
    operation = "SendItem" if desk.way == "send_item" else "UpdateItem"
    desk.server.faults.plan(Fault(how=how, operation=operation, when=when, seconds=0.2))
    commit = Commit()
    with pytest.raises(ReplyDeferred if how in {"busy", "401"} else MailboxUnreachable) as raised:
        store.send(ref, commit)
    assert commit.times == 1
    assert desk.asked(operation) == [operation]
    assert len(desk.server.posted) == (1 if when == "after" else 0)
    assert str(raised.value).isascii()
    assert "customers.example" not in str(raised.value)
    desk.clock.advance(desk.rest)
    if when == "before":
        store.send(ref, commit)
        assert len(desk.server.posted) == 1


@BOTH
def test_a_request_that_never_left_is_known_not_to_have_left(desk: EwsDesk) -> None:
    store = desk.store()
    ref = store.draft(reply(), TAGS, None)
    with pytest.raises(ReplyDeferred):
        store.send(ref, desk.server.stop)
    desk.server.start()
    assert desk.server.posted == []
    store.send(ref, Commit())
    assert len(desk.server.posted) == 1


@BOTH
def test_nothing_is_committed_before_the_server_is_known_to_take_it(desk: EwsDesk) -> None:
    store = desk.store()
    ref = store.draft(reply(), TAGS, None)
    commit = Commit()
    desk.server.stop()
    with pytest.raises(MailboxUnreachable):
        store.send(ref, commit)
    desk.server.start()
    desk.server.users[USER] = "another password"
    other = desk.store()
    with pytest.raises(CredentialsRefused):
        other.send(ref, commit)
    desk.server.users[USER] = PASSWORD
    desk.server.faults.plan(Fault(how="busy", operation="GetItem", seconds=60))
    with pytest.raises(MailboxUnreachable):
        store.send(ref, commit)
    with pytest.raises(MailboxUnreachable):
        store.send(ref, commit)
    assert commit.times == 0
    assert desk.server.posted == []
    assert desk.asked(*SENDS) == []


def test_a_token_refused_before_the_sending_is_renewed_and_after_it_deferred(
    tmp_path: Path,
) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store(method=desk.tokens)
        ref = store.draft(reply(), TAGS, None)
        desk.server.tokens.add("token-2", USER)
        desk.server.tokens.revoke("token-1")

        def revoked() -> None:
            desk.server.tokens.revoke("token-2")

        with pytest.raises(ReplyDeferred):
            store.send(ref, revoked)
        assert desk.tokens.renewals == 1
        assert desk.server.posted == []
        desk.server.tokens.add("token-3", USER)
        store.send(ref, Commit())
        assert desk.tokens.renewals == 2
        assert len(desk.server.posted) == 1


@BOTH
@pytest.mark.parametrize(
    "code", ["ErrorInvalidRecipients", "ErrorSendAsDenied", "ErrorMessageSizeExceeded"]
)
def test_what_the_server_refuses_for_good_is_refused(desk: EwsDesk, code: str) -> None:
    store = desk.store()
    ref = store.draft(reply(), TAGS, None)
    operation = "SendItem" if desk.way == "send_item" else "UpdateItem"
    desk.server.faults.plan(Fault(how="refuse", operation=operation, code=code))
    with pytest.raises(ReplyRefused, match=code):
        store.send(ref, Commit())
    assert desk.server.posted == []


@pytest.mark.parametrize("code", ["ErrorItemNotFound", "ErrorInternalServerError"])
def test_what_a_server_says_of_its_own_troubles_proves_nothing(tmp_path: Path, code: str) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store()
        ref = store.draft(reply(), TAGS, None)
        desk.server.faults.plan(Fault(how="refuse", operation="SendItem", code=code))
        with pytest.raises(MailboxUnreachable, match="Nobody knows"):
            store.send(ref, Commit())


@BOTH
def test_two_who_send_one_draft_at_once_send_it_once(desk: EwsDesk) -> None:
    """The server sends twice where two requests meet; the store lets them not meet."""
    store = desk.store()
    ref = store.draft(reply(), TAGS, None)
    errors: list[ApplianceError] = []

    def send() -> None:
        try:
            store.send(ref, Commit())
        except ApplianceError as error:
            errors.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.server.posted) == 1
    assert len(errors) == 3
    assert all(type(error) is not ReplyDeferred for error in errors)


@BOTH
def test_a_send_that_the_server_ends_after_we_gave_up_is_unknown(desk: EwsDesk) -> None:
    store = desk.store(timeout_seconds=0.3)
    ref = store.draft(reply(), TAGS, None)
    operation = "SendItem" if desk.way == "send_item" else "UpdateItem"
    desk.server.finish_after_client_died(operation, 1.5)
    with pytest.raises(MailboxUnreachable, match="Nobody knows"):
        store.send(ref, Commit())
    late = threading.Event()
    while not desk.server.posted:
        late.wait(0.05)
    assert desk.asked(operation) == [operation]
    assert store.drafts_prove == (desk.way == "send_item")


WEATHER: tuple[How, ...] = ("503", "drop", "429", "broken", "freeze")


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_in_no_weather_does_anything_leave_twice(desk: EwsDesk, seed: int) -> None:
    """Only what is known not to have left is tried again."""
    store = desk.store(auth="ntlm" if seed % 2 else "basic")
    refs = [store.draft(reply(number), {Tag.REPLY: f"r-{number}"}, None) for number in range(25)]
    desk.server.faults.weather = Weather(
        random=Random(seed), probability=0.3, hows=WEATHER, seconds=0.01
    )
    committed = 0
    for ref in refs:
        for _ in range(20):
            commit = Commit()
            desk.clock.advance(desk.rest)
            try:
                store.send(ref, commit)
            except ReplyDeferred:
                continue
            except MailboxUnreachable:
                committed += commit.times
                if commit.times:
                    break
            else:
                committed += 1
                break
    desk.server.faults.clear()
    recipients = [one.recipients for one in desk.server.posted]
    assert len(recipients) == len(set(recipients))
    assert len(recipients) <= committed == len(refs)
    operation = "SendItem" if desk.way == "send_item" else "UpdateItem"
    assert len(desk.asked(operation)) == len(refs)
    assert sum(desk.server.faults.applied.values()) > 5


def test_the_limit_of_a_call_covers_each_time_that_ntlm_asks(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        assert desk.store(auth="basic", timeout_seconds=4).limit_seconds == 4 + 4 + 2
        assert desk.store(auth="ntlm", timeout_seconds=30).limit_seconds == 3 * (10 + 30) + 15
        method = desk.tokens
        assert desk.store(auth="ntlm", method=method, timeout_seconds=30).limit_seconds == 55
