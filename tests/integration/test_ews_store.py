"""What ``EwsStore`` reads, finds, moves and marks, at both kinds of server."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from appliance.domain.errors import MailboxUnreachable
from appliance.domain.mail import MessageId
from appliance.mailbox.mailstore import (
    ANSWERED,
    ANSWERED_BY_ITSELF,
    Listed,
    Marks,
    Ref,
    Spot,
    StateLost,
    Tag,
)
from appliance.mailbox.places import Place
from tests.ews_desk import DESK, LONG_AGO, EwsDesk, ews_desk, mails, reply, waiting
from tests.raw_mail import raw_mail
from tests.servers import ews_reading
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality
from tests.servers.ews_call import Call
from tests.servers.ews_store import Folder

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda one: one.name)
TRUTH = (
    "Auto-Submitted: auto-replied\nList-Id: <news.customers.example>\nPrecedence: bulk\n"
    "X-Folded: one\n two\n"
)
MULTIPART = (
    b"From: a@customers.example\r\nTo: desk@office.example.com\r\nSubject: Two parts\r\n"
    b"Message-ID: <parts@customers.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed;\r\n boundary="edge"\r\n\r\n'
    b"--edge\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--edge\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
    b'filename="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--edge--\r\n'
)


@pytest.fixture
def desk(tmp_path: Path, personality: Personality) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path, personality) as opened:
        yield opened


def question(number: int) -> MessageId:
    return MessageId(f"question-{number}@customers.example")


@BOTH
def test_the_first_look_gives_what_came_since_oldest_first(desk: EwsDesk) -> None:
    now = datetime.now(UTC)
    for number, hours in enumerate((100, 3, 50, 1)):
        received = now - timedelta(hours=hours)
        desk.server.deliver(DESK, raw_mail(number), received=received)
    store = desk.store()
    begun = store.begin(Place.INBOX, now - timedelta(hours=60))
    times = [one.received for one in begun.waiting]
    assert [round((now - one).total_seconds() / 3600) for one in times if one] == [50, 3, 1]
    assert all(one.size > 0 and not one.answered for one in begun.waiting)
    assert store.changes(Place.INBOX, begun.state, 10).new == ()


@BOTH
def test_an_answered_mail_is_listed_as_answered(desk: EwsDesk) -> None:
    desk.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    store = desk.store()
    first, _ = waiting(store)
    store.mark(first.ref, Marks(answered=True))
    assert [one.answered for one in waiting(store)] == [True, False]


@BOTH
def test_only_changes_since_the_state_are_told_and_read_flags_are_none(desk: EwsDesk) -> None:
    old = desk.server.deliver(DESK, raw_mail(1))
    gone = desk.server.deliver(DESK, raw_mail(2))
    store = desk.store()
    state = store.begin(Place.INBOX, LONG_AGO).state
    assert store.changes(Place.INBOX, state, 10).state == state
    desk.server.edit(old, read=True)
    desk.server.delete(gone)
    quiet = store.changes(Place.INBOX, state, 10)
    assert (quiet.new, quiet.changed) == ((), ())
    desk.server.edit(old, categories=["Red"])
    new = desk.server.deliver(DESK, raw_mail(3))
    told = store.changes(Place.INBOX, quiet.state, 10)
    assert [one.ref for one in told.new] == [new]
    assert [one.ref for one in told.changed] == [old]
    assert store.changes(Place.INBOX, told.state, 10).new == ()


@BOTH
def test_changes_come_in_the_portions_asked_for(desk: EwsDesk) -> None:
    store = desk.store()
    state = store.begin(Place.INBOX, LONG_AGO).state
    refs = set(desk.server.deliver_many(DESK, [raw_mail(number) for number in range(7)]))
    seen: list[str] = []
    portions = 0
    more = True
    while more:
        told = store.changes(Place.INBOX, state, 3)
        seen += [one.ref for one in told.new]
        state, more = told.state, told.more
        portions += 1
    assert (set(seen), len(seen), portions) == (refs, 7, 3)


@BOTH
def test_a_portion_without_anything_in_it_leads_on_to_the_next(
    desk: EwsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = desk.store()
    state = store.begin(Place.INBOX, LONG_AGO).state
    desk.server.delete(desk.server.deliver(DESK, raw_mail(1)))
    ref = desk.server.deliver(DESK, raw_mail(2))
    whole = ews_reading._logged

    def one_by_one(call: Call, folder: Folder, at: int, most: int) -> tuple[int, list[str]]:
        told, log = folder.log, folder.log[: at + 1]
        folder.log = log
        try:
            return whole(call, folder, at, most)
        finally:
            folder.log = told

    monkeypatch.setattr(ews_reading, "_logged", one_by_one)
    seen: list[str] = []
    mores: list[bool] = []
    for _ in range(3):
        changes = store.changes(Place.INBOX, state, 10)
        seen += [one.ref for one in changes.new]
        mores.append(changes.more)
        state = changes.state
    assert (seen, mores) == ([ref], [True, True, False])


def test_exchange_says_that_a_state_is_lost(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store()
        state = store.begin(Place.INBOX, LONG_AGO).state
        desk.server.forget_sync_states()
        with pytest.raises(StateLost):
            store.changes(Place.INBOX, state, 10)
        with pytest.raises(StateLost):
            store.changes(Place.INBOX, "", 10)
        assert store.begin(Place.INBOX, LONG_AGO).state


def test_grommunio_replays_everything_where_a_state_is_lost(tmp_path: Path) -> None:
    with ews_desk(tmp_path, GROMMUNIO) as desk:
        desk.server.deliver(DESK, raw_mail(1))
        store = desk.store()
        state = store.begin(Place.INBOX, LONG_AGO).state
        desk.server.forget_sync_states()
        assert len(store.changes(Place.INBOX, state, 10).new) == 1


@BOTH
def test_a_mail_is_read_with_the_headers_it_came_with(desk: EwsDesk) -> None:
    desk.server.deliver(DESK, raw_mail(1, headers=TRUTH))
    (mail,) = mails(desk.store())
    assert mail.raw is not None
    parsed = message_from_bytes(mail.raw)
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["List-Id"] == "<news.customers.example>"
    assert parsed["Precedence"] == "bulk"
    assert parsed["Authentication-Results"].startswith("mx.office.example.com")
    assert parsed["Return-Path"] == "<customer1@customers.example>"
    assert re.sub(r"\s+", " ", parsed["X-Folded"]) == "one two"
    assert parsed["Received"]
    assert b"customer 1" in mail.raw.partition(b"\r\n\r\n")[2]
    assert mail.reply == ""


@BOTH
def test_the_parts_of_a_mail_survive_under_its_headers(desk: EwsDesk) -> None:
    desk.server.deliver(DESK, MULTIPART)
    (mail,) = mails(desk.store())
    assert mail.raw is not None
    parsed = message_from_bytes(mail.raw)
    assert parsed.get_all("Content-Type") == ['multipart/mixed;\r\n boundary="edge"']
    text, attached = list(parsed.walk())[1:]
    assert str(text.get_payload()).strip() == "hello"
    assert attached.get_payload(decode=True) == b"ABC"


@BOTH
def test_a_key_stays_wherever_a_mail_is_moved_and_differs_from_every_other(
    desk: EwsDesk,
) -> None:
    desk.server.deliver_many(DESK, [raw_mail(1), raw_mail(1), raw_mail(2)])
    store = desk.store()
    listed = waiting(store)
    read = store.read(listed)
    keys = [one.key for one in read]
    assert len(set(keys)) == 3
    assert list(store.keys(listed).values()) == keys
    store.move(Spot(ref=read[0].ref, place=Place.INBOX), Place.HELD)
    store.mark(read[1].ref, Marks(seen=True, answered=True, automatic=True))
    desk.server.move(read[2].ref, "Held")
    held = {one.key for one in mails(store, Place.HELD)}
    assert held == {keys[0], keys[2]}
    assert [one.key for one in mails(store)] == [keys[1]]


@BOTH
def test_a_mail_that_never_travelled_has_a_key_and_its_own_headers(desk: EwsDesk) -> None:
    desk.server.person_sends(DESK, raw_mail(1))
    desk.server.person_sends(DESK, raw_mail(1))
    store = desk.store()
    one, other = mails(store, Place.SENT)
    assert one.key != other.key
    assert one.raw is not None
    assert message_from_bytes(one.raw)["Message-ID"] == f"<{question(1)}>"
    assert [mail.key for mail in mails(store, Place.SENT)] == [one.key, other.key]


@BOTH
def test_mails_come_in_the_order_asked_for_without_those_that_are_gone(desk: EwsDesk) -> None:
    refs = desk.server.deliver_many(DESK, [raw_mail(number) for number in range(5)])
    store = desk.store()
    listed = waiting(store)
    desk.server.delete(refs[2])
    kept = [one.ref for one in reversed(listed) if one.ref != refs[2]]
    assert [one.ref for one in store.read(list(reversed(listed)))] == kept
    assert list(store.keys(listed)) == list(reversed(kept))
    assert store.read([]) == []


@BOTH
def test_a_mail_larger_than_is_read_has_a_key_and_no_text(desk: EwsDesk) -> None:
    desk.server.deliver(DESK, raw_mail(1, text="x" * 76 * 20_000))
    store = desk.store(largest_mb=1)
    (listed,) = waiting(store)
    (mail,) = store.read([listed])
    assert mail.raw is None
    assert mail.key == store.keys([listed])[listed.ref]
    # A server that does not tell the size cannot make us read it all the same.
    (told,) = store.read([Listed(ref=listed.ref, received=None)])
    assert (told.raw, told.key) == (None, mail.key)
    (whole,) = desk.store(largest_mb=20).read([listed])
    assert whole.raw is not None
    assert len(whole.raw) > 76 * 20_000


@pytest.mark.parametrize("code", ["ErrorMimeContentConversionFailed", "ErrorInternalServerError"])
def test_a_mail_that_the_server_cannot_write_down_is_known_by_its_head(
    tmp_path: Path, code: str
) -> None:
    with ews_desk(tmp_path) as desk:
        desk.server.deliver(DESK, raw_mail(1))
        store = desk.store()
        (listed,) = waiting(store)
        desk.server.faults.plan(Fault(how="refuse", operation="GetItem", code=code))
        assert store.read([listed])[0].raw is not None
        desk.server.faults.plan(Fault(how="refuse", operation="GetItem", code=code, times=2))
        (mail,) = store.read([listed])
        assert mail.raw is None
        assert mail.key == store.keys([listed])[listed.ref]


def test_a_damaged_mail_is_told_of_and_a_trouble_that_passes_is_waited_for(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        desk.server.deliver(DESK, raw_mail(1))
        store = desk.store()
        (listed,) = waiting(store)
        faults = desk.server.faults
        faults.plan(Fault(how="refuse", operation="GetItem", code="ErrorItemCorrupt", times=3))
        (mail,) = store.read([listed])
        assert (mail.ref, mail.raw) == (listed.ref, None)
        faults.plan(Fault(how="refuse", operation="GetItem", times=3))
        with pytest.raises(MailboxUnreachable):
            store.read([listed])
        faults.plan(Fault(how="refuse", operation="GetItem", code="ErrorItemNotFound"))
        assert store.read([listed]) == []


@BOTH
def test_a_mail_is_found_wherever_a_person_moved_it(desk: EwsDesk) -> None:
    ref = desk.server.deliver(DESK, raw_mail(1))
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store()
    key = mails(store)[0].key
    assert store.locate(key, question(1)) == Spot(ref=Ref(ref), place=Place.INBOX)
    for name in ("Held", "Handled", "Skipped", "Elsewhere"):
        desk.server.create_folder(DESK, name)
    for name, place in (("Held", Place.HELD), ("Skipped", Place.SKIPPED)):
        ref = desk.server.move(ref, name)
        assert store.locate(key, question(1)) == Spot(ref=Ref(ref), place=place)
        # Another box, or this one after a restart, has nothing to remember.
        assert desk.store().locate(key, question(1)) == Spot(ref=Ref(ref), place=place)
    desk.server.move(ref, "Elsewhere")
    assert store.locate(key, question(1)) is None
    assert store.locate(key, None) is None


@BOTH
def test_a_mail_without_message_id_is_found_again(desk: EwsDesk) -> None:
    raw = re.sub(rb"Message-ID:[^\n]*\n", b"", raw_mail(1))
    ref = desk.server.deliver(DESK, raw)
    desk.server.create_folder(DESK, "Held")
    key = mails(desk.store())[0].key
    moved = desk.server.move(ref, "Held")
    assert desk.store().locate(key, None) == Spot(ref=Ref(moved), place=Place.HELD)


@BOTH
def test_moving_follows_the_new_id_and_bears_what_is_gone(desk: EwsDesk) -> None:
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store()
    key = mails(store)[0].key
    spot = store.locate(key, question(1))
    assert spot is not None
    store.move(spot, Place.HANDLED)
    there = store.locate(key, question(1))
    assert there is not None
    assert there.place is Place.HANDLED
    assert len(desk.server.items(DESK, "Handled")) == 1
    store.move(spot, Place.HELD)
    store.move(there, Place.INBOX)
    back = store.locate(key, question(1))
    assert back is not None
    assert back.place is Place.INBOX
    desk.server.delete(back.ref)
    store.move(back, Place.HELD)
    assert store.locate(key, question(1)) is None


@BOTH
def test_a_folder_that_somebody_deletes_is_made_anew(desk: EwsDesk) -> None:
    desk.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    store = desk.store()
    one, other = mails(store)
    store.move(Spot(ref=one.ref, place=Place.INBOX), Place.HANDLED)
    with desk.server.store.lock:
        folder = desk.server.store.named(DESK, "Handled")
        desk.server.store.mailboxes[DESK].folders.pop(folder.id)
        desk.server.store.folders.pop(folder.id)
    store.move(Spot(ref=other.ref, place=Place.INBOX), Place.HANDLED)
    assert [item.message_id for item in desk.server.items(DESK, "Handled")] == [f"<{question(2)}>"]


@BOTH
def test_folders_of_the_office_are_used_whatever_their_capitals(desk: EwsDesk) -> None:
    desk.server.create_folder(DESK, "ERLEDIGT")
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store(handled="Erledigt")
    store.move(Spot(ref=mails(store)[0].ref, place=Place.INBOX), Place.HANDLED)
    assert len(desk.server.items(DESK, "ERLEDIGT")) == 1
    assert desk.asked("CreateFolder") == []


@BOTH
def test_one_folder_may_serve_two_ends(desk: EwsDesk) -> None:
    desk.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    store = desk.store(handled="Done", skipped="done")
    one, other = mails(store)
    store.move(Spot(ref=one.ref, place=Place.INBOX), Place.HANDLED)
    store.move(Spot(ref=other.ref, place=Place.INBOX), Place.SKIPPED)
    assert len(mails(store, Place.HANDLED)) == len(mails(store, Place.SKIPPED)) == 2


@BOTH
def test_marks_are_added_and_a_persons_categories_stay(desk: EwsDesk) -> None:
    ref = Ref(desk.server.deliver(DESK, raw_mail(1)))
    desk.server.edit(ref, categories=["Red"])
    store = desk.store()
    store.mark(ref, Marks(seen=True))
    (item,) = desk.server.items(DESK, "Inbox")
    assert (item.read, item.categories) == (True, ["Red"])
    store.mark(ref, Marks(answered=True, automatic=True))
    assert item.categories == ["Red", ANSWERED_BY_ITSELF]
    store.mark(ref, Marks(answered=True))
    assert item.categories == ["Red", ANSWERED_BY_ITSELF, ANSWERED]
    desk.server.delete(ref)
    store.mark(ref, Marks(seen=True, answered=True))


@pytest.mark.parametrize("code", ["ErrorIrresolvableConflict", "ErrorAccessModeSpecified"])
def test_a_mark_is_tried_once_more_where_somebody_was_quicker(tmp_path: Path, code: str) -> None:
    with ews_desk(tmp_path) as desk:
        ref = Ref(desk.server.deliver(DESK, raw_mail(1)))
        desk.server.faults.plan(Fault(how="refuse", operation="UpdateItem", code=code))
        desk.store().mark(ref, Marks(answered=True))
        assert desk.server.items(DESK, "Inbox")[0].categories == [ANSWERED]
        assert len(desk.asked("UpdateItem")) == 2


@pytest.mark.parametrize("answered", [True, False])
def test_a_mail_that_takes_no_marks_is_no_error_and_a_busy_server_is(
    tmp_path: Path, answered: bool
) -> None:
    with ews_desk(tmp_path) as desk:
        ref = Ref(desk.server.deliver(DESK, raw_mail(1)))
        store = desk.store()
        code = "ErrorItemSavePropertyError"
        fault = desk.server.faults.plan(
            Fault(how="refuse", operation="UpdateItem", code=code, times=None)
        )
        store.mark(ref, Marks(seen=True, answered=answered))
        assert fault.met == 1 + answered
        desk.server.faults.clear()
        desk.server.faults.plan(Fault(how="refuse", operation="UpdateItem", times=None))
        with pytest.raises(MailboxUnreachable):
            store.mark(ref, Marks(seen=True))


@BOTH
def test_notes_lie_in_the_folder_of_claims_with_words_for_people(desk: EwsDesk) -> None:
    store = desk.store()
    assert store.notes() == []
    store.leave_note(box="box-1", host="north-box", beat="17")
    store.leave_note(box="box-2", host="south-box", beat="3")
    notes = sorted(store.notes(), key=lambda one: one.box)
    assert [(one.box, one.host, one.beat) for one in notes] == [
        ("box-1", "north-box", "17"),
        ("box-2", "south-box", "3"),
    ]
    subjects = [item.subject for item in desk.server.items(DESK, "Appliance")]
    assert any("north-box" in one for one in subjects)
    store.remove([notes[0].ref])
    store.remove([notes[0].ref])
    assert [one.box for one in store.notes()] == ["box-2"]
    store.remove([])


@BOTH
def test_a_property_is_found_by_its_whole_value_alone(desk: EwsDesk) -> None:
    store = desk.store()
    long = "x" * 300
    refs = [
        store.draft(reply(number), {Tag.REPLY: value, Tag.ORIGIN: "same"}, None)
        for number, value in enumerate((f"{long}1@box.example", f"{long}2@box.example", "short"))
    ]
    assert store.tagged(Place.DRAFTS, Tag.REPLY, f"{long}2@box.example") == [refs[1]]
    assert store.tagged(Place.DRAFTS, Tag.REPLY, "short") == [refs[2]]
    assert store.tagged(Place.DRAFTS, Tag.REPLY, "shor") == []
    assert store.tagged(Place.DRAFTS, Tag.COPY, "short") == []
    assert store.tagged(Place.SENT, Tag.REPLY, "short") == []
    assert set(store.tagged(Place.DRAFTS, Tag.ORIGIN, "same")) == set(refs)
