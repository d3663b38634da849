"""Drafts and their sending by Graph, with everything that can go wrong in between."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from appliance.domain.draft import Reply
from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    Conflict,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyDeferred,
    ReplyRefused,
)
from appliance.domain.mail import Address, MessageId
from appliance.mailbox.graph import GraphStore
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place
from tests.factories import reply as a_reply
from tests.fakes import FakeClock
from tests.graph_account import DESK, GraphAccount
from tests.integration.test_graph_store import LONG_AGO
from tests.raw_mail import raw_mail
from tests.servers import graph_values
from tests.servers.graph_errors import bad_request
from tests.servers.graph_faults import How, When
from tests.servers.graph_store import Item

REPLY_ID = MessageId("reply-1@office.example.com")
TAGS = {Tag.ORIGIN: "origin-1", Tag.REPLY: REPLY_ID}
HEADERS = (
    ("Auto-Submitted", "auto-replied"),
    ("X-Auto-Response-Suppress", "All"),
    ("X-Mail-Appliance-Loop", "desk@office.example.com"),
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def account(tmp_path: Path, clock: FakeClock) -> Iterator[GraphAccount]:
    with GraphAccount(tmp_path, clock) as account:
        account.server.local_delivery = False
        yield account


@pytest.fixture
def store(account: GraphAccount) -> Iterator[GraphStore]:
    store = account.store()
    yield store
    store.close()


@pytest.fixture
def original(account: GraphAccount, store: GraphStore) -> Ref:
    account.server.deliver(DESK, raw_mail(1))
    (listed,) = store.begin(Place.INBOX, LONG_AGO).waiting
    return listed.ref


def answer(**changes: Any) -> Reply:
    values: dict[str, Any] = {
        "id": REPLY_ID,
        "in_reply_to": MessageId("question-1@customers.example"),
        "references": (MessageId("question-1@customers.example"),),
        "sender": DESK,
        "sender_name": "The desk",
        "recipient": Address("customer1@customers.example"),
        "recipient_name": "Customer 1",
        "subject": "Re: Question 1",
        "text": "We open at nine.\n\n我们九点开门。\nThe desk\n",
        "headers": HEADERS,
    }
    return a_reply(**(values | changes))


def drafts(account: GraphAccount) -> list[Item]:
    return list(account.server.items(DESK, "Drafts"))


def posted(account: GraphAccount) -> list[EmailMessage]:
    return [message_from_bytes(raw, policy=policy.default) for _, raw in account.server.posted]


def drafted(store: GraphStore, original: Ref | None = None, **changes: Any) -> Ref:
    return store.draft(answer(**changes), TAGS, original)


def send(store: GraphStore, ref: Ref) -> list[str]:
    """Send a draft; the commits that were made, though the sending may raise."""
    commits: list[str] = []
    store.send(ref, lambda: commits.append("committed"))
    return commits


def failing(store: GraphStore, ref: Ref, kind: type[ApplianceError]) -> list[str]:
    commits: list[str] = []
    with pytest.raises(kind) as caught:
        store.send(ref, lambda: commits.append("committed"))
    assert type(caught.value) is kind or issubclass(kind, MailboxUnreachable)
    assert "customer1" not in str(caught.value)
    return commits


# Drafts.


@pytest.mark.parametrize("threaded", [True, False])
def test_what_leaves_is_ours_to_the_letter(
    account: GraphAccount, store: GraphStore, original: Ref, *, threaded: bool
) -> None:
    ref = drafted(store, original if threaded else None)
    assert send(store, ref) == ["committed"]
    (mail,) = posted(account)
    assert (
        mail.get_content().replace("\r\n", "\n") == "We open at nine.\n\n我们九点开门。\nThe desk\n"
    )
    assert mail.get_content_type() == "text/plain"
    assert {name: mail[name] for name in ("From", "To", "Subject", "Message-ID")} == {
        "From": f"The desk <{DESK}>",
        "To": "Customer 1 <customer1@customers.example>",
        "Subject": "Re: Question 1",
        "Message-ID": f"<{REPLY_ID}>",
    }
    assert mail["In-Reply-To"] == "<question-1@customers.example>"
    assert mail["References"] == "<question-1@customers.example>"
    assert [(name, mail[name]) for name, _ in HEADERS] == list(HEADERS)
    assert account.server.posted[0][0] == ("customer1@customers.example",)


def test_an_answer_is_of_the_conversation_it_answers(
    account: GraphAccount, store: GraphStore, original: Ref
) -> None:
    drafted(store, original)
    (item,) = drafts(account)
    (question,) = account.server.items(DESK, "Inbox")
    assert item.fields["conversationId"] == question.fields["conversationId"]


def test_an_original_that_is_gone_is_answered_all_the_same(
    account: GraphAccount, store: GraphStore, original: Ref
) -> None:
    store.remove([original])
    send(store, drafted(store, original))
    (mail,) = posted(account)
    assert mail["In-Reply-To"] == "<question-1@customers.example>"


def test_a_draft_has_our_tags_from_the_moment_it_is_whole(
    account: GraphAccount, store: GraphStore, original: Ref
) -> None:
    ref = drafted(store, original)
    assert store.tagged(Place.DRAFTS, Tag.REPLY, REPLY_ID) == [ref]
    assert store.tagged(Place.DRAFTS, Tag.ORIGIN, "origin-1") == [ref]
    assert store.tagged(Place.DRAFTS, Tag.COPY, REPLY_ID) == []
    assert store.tagged(Place.SENT, Tag.REPLY, REPLY_ID) == []


def test_a_tag_is_found_by_its_very_value(account: GraphAccount, store: GraphStore) -> None:
    """The server compares without regard to case."""
    ref = store.draft(answer(), {Tag.REPLY: "O'Neill-Reply@office.example.com"}, None)
    assert store.tagged(Place.DRAFTS, Tag.REPLY, "O'Neill-Reply@office.example.com") == [ref]
    assert store.tagged(Place.DRAFTS, Tag.REPLY, "o'neill-reply@office.example.com") == []


def test_no_header_value_ends_its_line(account: GraphAccount, store: GraphStore) -> None:
    nasty = "one\r\nBcc: victim@example.net\r\n\r\ntext"
    send(
        store,
        drafted(
            store,
            subject=nasty,
            sender_name=nasty,
            recipient_name=nasty,
            headers=(("X-Loop", nasty), ("X-Bad Name", "x"), ("Auto-Submitted", nasty)),
        ),
    )
    ((recipients, raw),) = account.server.posted
    assert recipients == ("customer1@customers.example",)
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["X-Loop"] == "one Bcc: victim@example.net text"


def test_of_many_headers_all_leave_though_graph_takes_five(
    account: GraphAccount, store: GraphStore
) -> None:
    headers = tuple((f"X-Number-{number}", str(number)) for number in range(8))
    send(store, drafted(store, headers=headers))
    (mail,) = posted(account)
    assert [(name, mail[name]) for name, _ in headers] == list(headers)


def test_where_the_server_wants_no_such_properties_a_draft_is_made_without(
    account: GraphAccount, store: GraphStore, original: Ref, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Setting thread and headers by properties is documented for the protocol, not for Graph."""
    plain = graph_values.extended

    def strict(told: Any) -> dict[str, str]:
        taken = plain(told)
        if any("00020386" in id_ or "0x1039" in id_ for id_ in taken):
            raise bad_request("Set action is invalid.", "ErrorInvalidPropertySet")
        return taken

    monkeypatch.setattr(graph_values, "extended", strict)
    ref = drafted(store, original)
    assert store.tagged(Place.DRAFTS, Tag.REPLY, REPLY_ID) == [ref]
    send(store, ref)
    (mail,) = posted(account)
    assert mail["Auto-Submitted"] is None
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["In-Reply-To"] == "<question-1@customers.example>"


def test_an_address_that_is_none_is_refused(account: GraphAccount, store: GraphStore) -> None:
    with pytest.raises(ReplyRefused):
        drafted(store, recipient=Address("a@customers.example, b@customers.example"))
    assert drafts(account) == []


@pytest.mark.parametrize("how", ["504", "500", "drop", "cut", "broken_json"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["create_reply", "update_message"])
def test_a_step_that_fails_leaves_no_draft_behind(
    account: GraphAccount, store: GraphStore, original: Ref, how: How, when: When, step: str
) -> None:
    fault = account.server.faults.plan(step, how, when=when)
    try:
        ref = drafted(store, original)
    except MailboxUnreachable:
        assert drafts(account) == []
    else:
        # Of a PATCH the answer's status is all that counts.
        assert (step, how) == ("update_message", "broken_json")
        assert store.tagged(Place.DRAFTS, Tag.REPLY, REPLY_ID) == [ref]
    assert fault.met >= 1


@pytest.mark.parametrize("how", ["503", "429"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["create_reply", "update_message"])
def test_what_a_server_that_wants_rest_kept_us_from_removing_goes_at_the_next_try(
    account: GraphAccount, clock: FakeClock, original: Ref, how: How, when: When, step: str
) -> None:
    store = account.store()
    account.server.faults.plan(step, how, when=when)
    with pytest.raises(MailboxUnreachable):
        drafted(store, original)
    asked = len(account.server.requests)
    with pytest.raises(MailboxUnreachable, match="busy"):
        drafted(store, original)
    assert len(account.server.requests) == asked
    clock.advance(timedelta(seconds=30))
    whole = store.tagged(Place.DRAFTS, Tag.REPLY, REPLY_ID)
    # The last step puts our tags on it, so what has them all is whole.
    assert len(whole) == ((step, when) == ("update_message", "after"))
    ref = whole[0] if whole else drafted(store, original)
    assert [item.fields["subject"] for item in drafts(account)] == ["Re: Question 1"]
    assert store.tagged(Place.DRAFTS, Tag.ORIGIN, "origin-1") == [ref]


@pytest.mark.parametrize("how", ["504", "drop", "cut", "429"])
def test_a_draft_that_was_begun_and_left_never_counts_as_one_to_send(
    account: GraphAccount, store: GraphStore, original: Ref, how: How
) -> None:
    account.server.faults.plan("create_reply", how, when="after")
    account.server.faults.plan("list_messages", "504", nth=2, times=None)
    with pytest.raises(MailboxUnreachable):
        drafted(store, original)
    account.server.faults.clear()
    assert len(drafts(account)) == 1
    other = account.store()
    assert other.tagged(Place.DRAFTS, Tag.REPLY, REPLY_ID) == []
    assert len(other.tagged(Place.DRAFTS, Tag.ORIGIN, "origin-1")) == 1


# Sending.


def test_a_sent_draft_is_the_copy_in_sent(account: GraphAccount, store: GraphStore) -> None:
    ref = drafted(store)
    assert send(store, ref) == ["committed"]
    assert drafts(account) == []
    assert store.tagged(Place.SENT, Tag.REPLY, REPLY_ID) == [ref]
    assert store.drafts_prove


@pytest.mark.parametrize("switch", ["keeps_id", "keeps_message_id"])
def test_a_copy_with_another_id_is_found_by_its_tag(
    account: GraphAccount, store: GraphStore, switch: str
) -> None:
    setattr(account.server.departures, switch, False)
    send(store, drafted(store))
    assert len(store.tagged(Place.SENT, Tag.REPLY, REPLY_ID)) == 1
    (listed,) = store.begin(Place.SENT, LONG_AGO).waiting
    (mail,) = store.read([listed])
    assert mail.reply == REPLY_ID


def test_what_waits_in_outbox_is_neither_draft_nor_sent(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.hold_outbox()
    ref = drafted(store)
    send(store, ref)
    assert store.tagged(Place.DRAFTS, Tag.REPLY, REPLY_ID) == []
    assert store.tagged(Place.SENT, Tag.REPLY, REPLY_ID) == []
    assert store.tagged(Place.OUTBOX, Tag.REPLY, REPLY_ID) == [ref]
    account.server.release_outbox()
    assert store.tagged(Place.SENT, Tag.REPLY, REPLY_ID) == [ref]


@pytest.mark.parametrize(
    ("how", "when", "kind", "sent"),
    [
        ("429", "before", ReplyDeferred, 0),
        ("503", "before", MailboxUnreachable, 0),
        ("503", "after", MailboxUnreachable, 1),
        ("504", "before", MailboxUnreachable, 0),
        ("504", "after", MailboxUnreachable, 1),
        ("500", "before", MailboxUnreachable, 0),
        ("drop", "before", MailboxUnreachable, 0),
        ("drop", "after", MailboxUnreachable, 1),
    ],
)
def test_a_sending_that_fails_says_what_is_known(
    account: GraphAccount,
    store: GraphStore,
    how: How,
    when: When,
    kind: type[ApplianceError],
    sent: int,
) -> None:
    ref = drafted(store)
    account.server.faults.plan("send", how, when=when)
    assert failing(store, ref, kind) == ["committed"]
    assert len(account.server.posted) == sent
    assert account.server.count("send") == 1
    assert len(drafts(account)) == 1 - sent


def test_an_answer_that_never_comes_is_no_proof(account: GraphAccount, store: GraphStore) -> None:
    ref = drafted(store)
    account.server.faults.plan("send", "freeze", seconds=60)
    hasty = account.store(timeout_seconds=1)
    assert failing(hasty, ref, MailboxUnreachable) == ["committed"]
    account.server.settle()
    assert account.server.count("send") == 1


def test_a_server_that_sends_after_the_client_is_gone_sends_once(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    account.server.faults.plan("send", "drop", when="later", seconds=60)
    assert failing(store, ref, MailboxUnreachable) == ["committed"]
    assert len(drafts(account)) == 1
    account.server.settle()
    assert len(account.server.posted) == 1
    assert failing(store, ref, MailboxUnreachable) == ["committed"]
    assert len(account.server.posted) == 1


def test_where_nothing_listens_nothing_was_sent(account: GraphAccount, store: GraphStore) -> None:
    ref = drafted(store)
    account.server.stop()
    assert failing(store, ref, ReplyDeferred) == ["committed"]
    account.server.start()
    assert send(store, ref) == ["committed"]
    assert len(account.server.posted) == 1


def test_a_server_that_cannot_prove_itself_is_sent_nothing(
    account: GraphAccount, store: GraphStore, tmp_path: Path
) -> None:
    ref = drafted(store)
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    assert failing(account.store(ca_file=stranger), ref, ReplyDeferred) == ["committed"]
    assert not account.server.posted


def test_while_the_server_wants_rest_nothing_is_committed(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    account.server.faults.plan("get_message", "429", retry_after=30)
    with pytest.raises(MailboxUnreachable):
        store.locate(ref, None)
    assert failing(store, ref, MailboxUnreachable) == []
    assert account.server.count("send") == 0


def test_a_second_sending_finds_nothing_and_sends_nothing(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    send(store, ref)
    assert failing(store, ref, MailboxUnreachable) == ["committed"]
    assert len(account.server.posted) == 1


@pytest.mark.parametrize("error", [Conflict("changed"), OSError("disk"), CredentialsRefused("no")])
def test_what_the_commit_raises_passes_and_nothing_is_sent(
    account: GraphAccount, store: GraphStore, error: Exception
) -> None:
    ref = drafted(store)
    tried: list[str] = []

    def commit() -> None:
        tried.append("tried")
        raise error

    with pytest.raises(type(error)) as caught:
        store.send(ref, commit)
    assert caught.value is error
    assert tried == ["tried"]
    assert account.server.count("send") == 0
    assert send(store, ref) == ["committed"]


def test_a_token_that_was_revoked_is_renewed_and_the_reply_leaves_once(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    account.server.tokens.revoke("token-1")
    account.allow("token-2")
    assert send(store, ref) == ["committed"]
    assert account.tokens.renewals == 1
    assert len(account.server.posted) == 1


@pytest.mark.parametrize("refuse", [True, False])
def test_a_token_that_nobody_renews_puts_the_reply_off(
    account: GraphAccount, store: GraphStore, *, refuse: bool
) -> None:
    ref = drafted(store)
    account.server.tokens.revoke("token-1")
    account.tokens.refuse = refuse
    assert failing(store, ref, ReplyDeferred) == ["committed"]
    assert len(drafts(account)) == 1


def test_a_sign_in_service_that_is_down_during_the_renewal_puts_the_reply_off(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    account.server.tokens.revoke("token-1")
    account.tokens.down = True
    assert failing(store, ref, ReplyDeferred) == ["committed"]


def test_without_the_right_to_send_the_reply_is_put_off_and_the_right_is_named(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    account.allow("token-1", may_send=False)
    with pytest.raises(ReplyDeferred, match=r"Mail\.Send"):
        send(store, ref)
    account.allow("token-1")
    assert send(store, ref) == ["committed"]


def test_a_sender_that_we_may_not_write_as_puts_the_reply_off(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store, sender=Address("boss@office.example.com"))
    with pytest.raises(ReplyDeferred, match="ErrorSendAsDenied"):
        send(store, ref)


def test_recipients_that_the_server_takes_for_none_refuse_the_reply(
    account: GraphAccount, store: GraphStore
) -> None:
    ref = drafted(store)
    (item,) = drafts(account)
    item.fields["toRecipients"] = []
    assert failing(store, ref, ReplyRefused) == ["committed"]


def test_one_reply_is_sent_at_a_time(account: GraphAccount, store: GraphStore) -> None:
    refs = [store.draft(answer(), {Tag.REPLY: f"reply-{number}"}, None) for number in range(4)]
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def commit() -> None:
        with lock:
            running.append(1)
            most.append(len(running))

    account.server.faults.plan("send", "freeze", seconds=0.05, times=None)

    def one(ref: Ref) -> None:
        store.send(ref, commit)
        with lock:
            running.pop()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, refs))
    assert len(account.server.posted) == 4
    assert account.server.count("send") == 4


def test_a_transcript_that_finds_no_room_does_not_deny_a_sending(account: GraphAccount) -> None:
    class Full:
        def note(self, method: str, url: str, *_more: object) -> None:
            if url.endswith("/send"):
                raise ConfigError((f"{method}: No space left on device.",))

    store = account.store(recorder=Full())
    ref = store.draft(answer(), TAGS, None)
    with pytest.raises(ConfigError):
        store.send(ref, lambda: None)
    assert len(account.server.posted) == 1
