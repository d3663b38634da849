"""What ``EwsStore`` puts into Drafts: a reply that is ours to the letter."""

from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from appliance.domain.errors import MailboxUnreachable, ReplyRefused
from appliance.domain.mail import Address
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place
from tests.ews_desk import DESK, EwsDesk, ews_desk, reply
from tests.raw_mail import raw_mail
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality
from tests.servers.ews_faults import How

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda one: one.name)
TAGS = {Tag.REPLY: "reply-1@box.example", Tag.ORIGIN: "origin-1"}


@pytest.fixture
def desk(tmp_path: Path, personality: Personality) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path, personality) as opened:
        yield opened


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


def test_a_reply_whose_id_got_lost_is_removed_and_no_other_draft_is(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        original = Ref(desk.server.deliver(DESK, raw_mail(1)))
        store = desk.store()
        others = store.draft(reply(2), {Tag.REPLY: "r-2"}, original)
        desk.server.faults.plan(Fault(how="drop", operation="CreateItem", when="after"))
        with pytest.raises(MailboxUnreachable):
            store.draft(reply(1), TAGS, original)
        assert len(desk.server.items(DESK, "Drafts")) == 2
        # After a restart, too: only the subject tells.
        ref = desk.store().draft(reply(1), TAGS, original)
        assert {item.id for item in desk.server.items(DESK, "Drafts")} == {others, ref}


def test_a_reply_that_nobody_came_back_to_finish_is_withdrawn_with_the_rest(
    tmp_path: Path,
) -> None:
    with ews_desk(tmp_path) as desk:
        original = Ref(desk.server.deliver(DESK, raw_mail(1)))
        store = desk.store()
        kept = store.draft(reply(2), {**TAGS, Tag.ORIGIN: "origin-2"}, original)
        desk.server.faults.plan(Fault(how="drop", operation="CreateItem", when="after"))
        with pytest.raises(MailboxUnreachable):
            store.draft(reply(1), TAGS, original)
        (left,) = store.tagged(Place.DRAFTS, Tag.ORIGIN, TAGS[Tag.ORIGIN])
        assert left != kept
        store.remove([left])
        assert [item.id for item in desk.server.items(DESK, "Drafts")] == [kept]


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


def test_a_draft_removed_twice_is_no_error(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store()
        ref = store.draft(reply(references=(), in_reply_to=None, headers=()), TAGS, None)
        store.remove([ref])
        store.remove([ref])
        assert desk.server.items(DESK, "Drafts") == []
