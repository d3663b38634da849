from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.domain.draft import OUTSIDE
from appliance.domain.job import Job, State, Step
from appliance.domain.mail import Message, MessageId
from appliance.flow.distance import distance
from appliance.flow.outside import Outside, answered_ids
from appliance.flow.reply import write_reply
from appliance.flow.review import Review
from tests import factories
from tests.flow_floor import Hall, hall, trusted

TEXT = "We are open on Saturday from 9:00 to 13:00."


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


@pytest.fixture
def outside(room: Hall) -> Outside:
    return Outside(room.store, room.clock)


def drafted(room: Hall, text: str = TEXT) -> Job:
    job = room.take(trusted())
    job = room.store.apply(job, Step(to=State.SCREENED, note="Screened."), "daemon")
    draft = factories.draft(text=text)
    return room.store.apply(job, Step(to=State.DRAFTED, note="Drafted.", draft=draft), "daemon")


def sent(job: Job, **changes: Any) -> Message:
    """What a mail program filed among the sent mail."""
    values: dict[str, Any] = {
        "id": MessageId("by-hand@northgate.example"),
        "in_reply_to": job.message.id,
        "sender": factories.correspondent(factories.OFFICE, "Desk"),
        "to": (job.message.sender,),
        "question": TEXT,
    }
    return factories.message("out", **(values | changes))


def look(room: Hall, outside: Outside) -> int:
    (desk,) = room.floor.desks.all()
    return outside.look(desk)


def test_a_draft_sent_as_it_was_closes_the_mail_at_no_distance(
    room: Hall, outside: Outside
) -> None:
    job = drafted(room)
    room.mailbox.sent_outside = [sent(job)]
    assert look(room, outside) == 1
    closed = room.store.get(job.id)
    assert closed.state is State.SENT
    assert closed.draft is not None
    assert (closed.draft.author, closed.draft.version, closed.draft.distance) == (OUTSIDE, 2, 0)
    assert closed.reply is not None
    assert closed.reply.id == "by-hand@northgate.example"
    assert not closed.reply.automatic
    assert room.store.entries(job.id)[0].actor == OUTSIDE


def test_what_the_person_changed_is_kept_and_measured(room: Hall, outside: Outside) -> None:
    job = drafted(room)
    room.mailbox.sent_outside = [sent(job, question=TEXT.replace("13:00", "14:00"))]
    look(room, outside)
    draft = room.store.get(job.id).draft
    assert draft is not None
    assert "14:00" in draft.text
    assert draft.distance is not None
    assert 0 < draft.distance < 0.05
    assert [one.version for one in room.store.drafts(job.id)] == [1, 2]


def test_a_mail_without_a_draft_is_closed_too(room: Hall, outside: Outside) -> None:
    job = room.take(trusted())
    room.mailbox.sent_outside = [sent(job)]
    look(room, outside)
    closed = room.store.get(job.id)
    assert closed.state is State.SENT
    assert closed.draft is not None
    assert closed.draft.distance is None


def test_an_approved_reply_is_not_sent_as_well(room: Hall, outside: Outside) -> None:
    job = drafted(room)
    job = Review(room.floor, lambda: None).approve(job.id, None, "mei")
    room.mailbox.sent_outside = [sent(job)]
    look(room, outside)
    assert room.store.get(job.id).state is State.SENT
    assert room.store.claim(frozenset({State.APPROVED}), timedelta(minutes=1)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": factories.correspondent("somebody@else.example", "")},
        {"in_reply_to": MessageId("another@customers.example")},
        {"in_reply_to": None},
        # Forwarded to a colleague.
        {"to": (factories.correspondent("mei@northgate.example", "Mei"),)},
        # An out-of-office notice of the mail server.
        {"headers": (("auto-submitted", "auto-replied"),)},
    ],
)
def test_other_mail_among_the_sent_closes_nothing(
    room: Hall, outside: Outside, changes: dict[str, Any]
) -> None:
    job = drafted(room)
    room.mailbox.sent_outside = [sent(job, **changes)]
    assert look(room, outside) == 0
    assert room.store.get(job.id).state is State.DRAFTED


def test_answering_twice_closes_once_and_looking_again_sees_nothing(
    room: Hall, outside: Outside
) -> None:
    job = drafted(room)
    room.mailbox.sent_outside = [sent(job), sent(job, id=MessageId("again@northgate.example"))]
    assert look(room, outside) == 1
    assert look(room, outside) == 0
    assert room.store.cursor("north/sent") == "2"


def test_a_copy_of_a_reply_in_doubt_settles_it_without_a_new_version(
    room: Hall, outside: Outside
) -> None:
    job = Review(room.floor, lambda: None).approve(drafted(room).id, None, "mei")
    job = room.store.apply(job, Step(to=State.SENDING, note="Sending."), "daemon")
    job = room.store.apply(job, Step(to=State.HELD, note="Doubt.", uncertain=True), "daemon")
    assert job.reply is not None
    room.mailbox.sent_outside = [sent(job, id=job.reply.id)]
    look(room, outside)
    closed = room.store.get(job.id)
    assert (closed.state, closed.uncertain) == (State.SENT, False)
    assert [one.version for one in room.store.drafts(job.id)] == [1]
    assert room.store.entries(job.id)[0].actor == "daemon"


def test_an_automatic_reply_that_a_restored_store_does_not_know_is_not_sent_again(
    room: Hall, outside: Outside
) -> None:
    job = drafted(room)
    headers = (("auto-submitted", "auto-replied"), ("x-mail-appliance", "north"))
    room.mailbox.sent_outside = [sent(job, headers=headers)]
    assert look(room, outside) == 1
    closed = room.store.get(job.id)
    assert closed.state is State.SENT
    assert closed.reply is not None
    assert closed.reply.automatic
    assert len(room.store.drafts(job.id)) == 1
    assert room.store.entries(job.id)[0].actor == "daemon"


def test_our_copy_in_drafts_that_was_sent_with_its_signature_is_unchanged(
    room: Hall, outside: Outside
) -> None:
    job = drafted(room)
    copy = write_reply(
        message=job.message,
        draft=room.draft_of(job.id),
        office=room.floor.desks["north"].office,
        now=room.clock.now(),
        automatic=False,
    )
    assert "Northgate" in copy.text
    room.mailbox.sent_outside = [sent(job, id=copy.id, text=copy.text, question=copy.text)]
    look(room, outside)
    assert (room.draft_of(job.id).text, room.draft_of(job.id).distance) == (TEXT, 0)


@pytest.mark.parametrize("where", ["cc", "reply_to"])
def test_an_answer_reaches_the_author_by_cc_and_by_their_reply_to_as_well(
    room: Hall, outside: Outside, where: str
) -> None:
    other = (factories.correspondent("ida.at.home@customers.example", "Ida"),)
    job = room.take(trusted(reply_to=other))
    changes = {"cc": other, "to": ()} if where == "cc" else {"to": other}
    room.mailbox.sent_outside = [sent(job, **changes)]
    assert look(room, outside) == 1


def test_before_a_sending_what_is_seen_is_not_passed_by_for_good(
    room: Hall, outside: Outside
) -> None:
    late = trusted()
    (desk,) = room.floor.desks.all()
    answer = sent(factories.job(message=late))
    room.mailbox.sent_outside = [answer]
    assert outside.look(desk, keep=False) == 0
    job = room.take(late)
    assert outside.look(desk) == 1
    assert room.store.get(job.id).state is State.SENT


def test_what_a_mail_answers_is_its_in_reply_to_else_its_last_reference() -> None:
    first, last = MessageId("a@x.example"), MessageId("b@x.example")
    assert answered_ids(factories.message("1", in_reply_to=first, references=(last,))) == (first,)
    assert answered_ids(factories.message("1", references=(first, last))) == (last,)
    assert answered_ids(factories.message("1")) == ()


def test_an_edit_at_the_console_is_measured_too(room: Hall) -> None:
    job = drafted(room)
    edited = Review(room.floor, lambda: None).edit(job.id, TEXT + " Bring the key.", None, "mei")
    assert edited.draft is not None
    assert edited.draft.distance is not None
    assert 0 < edited.draft.distance < 0.5


def test_a_mail_that_was_marked_as_answered_waits_for_a_person(
    room: Hall, outside: Outside
) -> None:
    job = Review(room.floor, lambda: None).approve(drafted(room).id, None, "mei")
    (desk,) = room.floor.desks.all()
    assert outside.marked(desk, job.message.uid)
    assert room.store.get(job.id).state is State.HELD
    assert not outside.marked(desk, job.message.uid)
    assert not outside.marked(desk, "unknown")
    room.mailbox.sent_outside = [sent(job)]
    look(room, outside)
    assert room.store.get(job.id).state is State.SENT


def test_our_own_mark_holds_nothing(room: Hall, outside: Outside) -> None:
    job = Review(room.floor, lambda: None).approve(drafted(room).id, None, "mei")
    job = room.store.apply(job, Step(to=State.SENDING, note="Sending."), "daemon")
    job = room.store.apply(job, Step(to=State.SENT, note="Sent."), "daemon")
    (desk,) = room.floor.desks.all()
    assert not outside.marked(desk, job.message.uid)


def test_a_person_who_looked_may_have_a_marked_mail_answered_all_the_same(
    room: Hall, outside: Outside
) -> None:
    review = Review(room.floor, lambda: None)
    job = review.approve(drafted(room).id, None, "mei")
    (desk,) = room.floor.desks.all()
    assert outside.marked(desk, job.message.uid)
    review.approve(job.id, None, "mei")
    assert not outside.marked(desk, job.message.uid)
    assert room.store.get(job.id).state is State.APPROVED


def test_texts_beyond_all_measure_are_compared_by_their_beginning() -> None:
    assert distance("", "") == 0
    assert distance("a" * 60_000, "a" * 60_000 + "b" * 1_000_000) == 0
    assert distance("We open at nine.", "We  open\nat nine.") == 0
    assert distance("abc", "xyz") == 1
