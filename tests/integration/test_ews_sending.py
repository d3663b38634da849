"""What ``EwsStore`` writes and sends, and that nothing makes it send twice."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
    ReplyDeferred,
    ReplyRefused,
)
from appliance.domain.mail import Address
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place
from tests.ews_desk import DESK, PASSWORD, USER, EwsDesk, ews_desk, mails, reply
from tests.raw_mail import raw_mail
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality
from tests.servers.ews_faults import How, When

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
def test_a_draft_is_ours_to_the_letter(desk: EwsDesk, threaded: bool) -> None:
    original = Ref(desk.server.deliver(DESK, raw_mail(1)))
    answer = reply()
    ref = desk.store().draft(answer, TAGS, original if threaded else None)
    assert ref
    (raw,) = desk.server.lying(DESK, "Drafts")
    parsed = message_from_bytes(raw, policy=default)
    assert parsed["Message-ID"] == "<reply-1@box.example>"
    assert parsed["In-Reply-To"] == "<question-1@customers.example>"
    assert parsed["References"].split() == [
        "<first@customers.example>",
        "<question-1@customers.example>",
    ]
    assert parsed["Subject"] == answer.subject
    assert parsed["From"].addresses[0].addr_spec == DESK
    assert parsed["From"].addresses[0].display_name == answer.sender_name
    assert [one.addr_spec for one in parsed["To"].addresses] == [answer.recipient]
    assert parsed["Cc"] is None
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["X-Auto-Response-Suppress"] == "All"
    assert parsed["X-Mail-Appliance-Loop"] == "desk"
    assert parsed.get_content_type() == "text/plain"
    assert parsed.get_content().replace("\r\n", "\n").rstrip("\n") == answer.text.rstrip("\n")


@BOTH
def test_no_header_of_a_reply_can_break_out_of_its_line(desk: EwsDesk) -> None:
    odd = reply(
        subject="one\r\nBcc: everybody@example.com",
        sender_name="a\nb",
        text="bell \x07 and \ud800 half",
        headers=(("X-One", "a\r\nX-Two: b"), ("Bcc", "x@example.com"), ("not a name", "c")),
    )
    desk.store().draft(odd, TAGS, None)
    parsed = message_from_bytes(desk.server.lying(DESK, "Drafts")[0], policy=default)
    assert parsed["Bcc"] is None
    assert parsed["X-Two"] is None
    assert "Bcc" in parsed["Subject"]
    assert parsed.get_content().strip() == "bell  and  half"


def test_files_that_a_server_puts_into_its_reply_are_not_sent_along(tmp_path: Path) -> None:
    picture = (
        'Content-Type: multipart/related; boundary="b"\n\n--b\nContent-Type: text/html\n\n'
        '<img src="cid:1">\n--b\nContent-Type: image/png\nContent-ID: <1>\n'
        "Content-Disposition: inline\n\nPNG\n--b--\n"
    )
    raw = raw_mail(1).partition(b"MIME-Version")[0] + picture.replace("\n", "\r\n").encode()
    with ews_desk(tmp_path) as desk:
        original = Ref(desk.server.deliver(DESK, raw))
        ref = desk.store().draft(reply(), TAGS, original)
        (item,) = desk.server.items(DESK, "Drafts")
        assert (item.id, item.parts) == (ref, [])


def test_a_server_without_replies_is_asked_for_one_once(tmp_path: Path) -> None:
    with ews_desk(tmp_path, GROMMUNIO) as desk:
        original = Ref(desk.server.deliver(DESK, raw_mail(1)))
        store = desk.store()
        store.draft(reply(1), TAGS, original)
        assert len(desk.asked("CreateItem")) == 2
        store.draft(reply(2), TAGS, original)
        assert len(desk.asked("CreateItem")) == 3
        assert len(desk.server.items(DESK, "Drafts")) == 2


def test_a_mail_that_is_gone_is_answered_all_the_same(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        original = Ref(desk.server.deliver(DESK, raw_mail(1)))
        desk.server.delete(original)
        store = desk.store()
        store.draft(reply(1), TAGS, original)
        other = Ref(desk.server.deliver(DESK, raw_mail(2)))
        store.draft(reply(2), TAGS, other)
        assert len(desk.asked("CreateItem")) == 3
        assert len(desk.server.items(DESK, "Drafts")) == 2


@pytest.mark.parametrize("how", ["503", "drop", "broken", "refuse", "busy"])
def test_a_reply_that_was_not_finished_is_removed(tmp_path: Path, how: How) -> None:
    with ews_desk(tmp_path) as desk:
        original = Ref(desk.server.deliver(DESK, raw_mail(1)))
        store = desk.store()
        desk.server.faults.plan(Fault(how=how, operation="UpdateItem"))
        with suppress(MailboxUnreachable):
            store.draft(reply(1), TAGS, original)
        desk.clock.advance(desk.rest)
        ref = store.draft(reply(1), TAGS, original)
        for item in desk.server.items(DESK, "Drafts"):
            assert "your opening hours" not in item.text
        assert ref in store.tagged(Place.DRAFTS, Tag.REPLY, TAGS[Tag.REPLY])


@BOTH
def test_an_address_nobody_can_write_to_is_refused(desk: EwsDesk) -> None:
    store = desk.store()
    with pytest.raises(ReplyRefused):
        store.draft(reply(recipient=Address("two words@example.com")), TAGS, None)
    code = "ErrorInvalidRecipients"
    desk.server.faults.plan(Fault(how="refuse", operation="CreateItem", code=code))
    with pytest.raises(ReplyRefused, match=code):
        store.draft(reply(), TAGS, None)


@BOTH
def test_an_address_beyond_ascii_is_written_as_servers_take_it(desk: EwsDesk) -> None:
    desk.store().draft(reply(recipient=Address("kundin@bücher.example")), TAGS, None)
    (item,) = desk.server.items(DESK, "Drafts")
    assert [box.address for box in item.to] == ["kundin@xn--bcher-kva.example"]


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
def test_a_send_that_the_server_ends_after_we_gave_up_is_unknown(
    desk: EwsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.mailbox.exchange.line._Protocol.TIMEOUT", 0.3)
    store = desk.store()
    ref = store.draft(reply(), TAGS, None)
    operation = "SendItem" if desk.way == "send_item" else "UpdateItem"
    desk.server.finish_after_client_died(operation, 1.5)
    with pytest.raises(MailboxUnreachable, match="Nobody knows"):
        store.send(ref, Commit())
    late = threading.Event()
    while not desk.server.posted:
        late.wait(0.05)
    assert desk.asked(operation) == [operation]
    assert store.limit_seconds >= 45
    assert store.drafts_prove == (desk.way == "send_item")


def test_a_draft_removed_twice_is_no_error(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store()
        ref = store.draft(reply(references=(), in_reply_to=None, headers=()), TAGS, None)
        store.remove([ref])
        store.remove([ref])
        assert desk.server.items(DESK, "Drafts") == []
