from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.domain.errors import Conflict, NotFound
from appliance.domain.job import Job, JobId, State, Step
from appliance.flow.review import MAX_DRAFT, MAX_NOTE, Review
from tests import factories
from tests.flow_floor import Hall, hall, trusted


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


@pytest.fixture
def review(room: Hall) -> Review:
    return Review(room.floor, lambda: None)


def drafted(room: Hall, **changes: Any) -> Job:
    job = room.take(trusted())
    job = room.store.apply(job, Step(to=State.SCREENED, note=".", language="en"), "daemon")
    step = Step(to=State.DRAFTED, note=".", draft=factories.draft(**changes))
    return room.store.apply(job, step, "daemon")


def test_an_approved_draft_waits_for_the_undo_delay_under_the_persons_name(
    room: Hall, review: Review
) -> None:
    job = review.approve(drafted(room).id, 1, "lin")
    assert job.state is State.APPROVED
    assert job.due == room.clock.now() + timedelta(seconds=30)
    assert not room.reply_of(job.id).automatic
    assert room.store.entries(job.id)[0].actor == "lin"


def test_an_approval_can_be_taken_back(room: Hall, review: Review) -> None:
    job = review.approve(drafted(room).id, None, "lin")
    assert review.undo(job.id, "lin").state is State.DRAFTED


def test_a_stale_version_is_refused(room: Hall, review: Review) -> None:
    job = drafted(room)
    review.edit(job.id, "We open at ten past nine.", 1, "lin")
    with pytest.raises(Conflict, match="read version 2"):
        review.approve(job.id, 1, "lin")
    with pytest.raises(Conflict, match="not the newest"):
        review.edit(job.id, "Another text.", 1, "lin")


def test_an_edit_is_a_new_version_with_its_author_and_the_guard_reads_it(
    room: Hall, review: Review
) -> None:
    job = review.edit(drafted(room).id, "It costs 999 EUR.", None, "lin")
    edited = room.draft_of(job.id)
    assert (edited.version, edited.author) == (2, "lin")
    assert job.findings
    assert len(room.store.drafts(job.id)) == 2


def test_a_held_mail_can_be_answered_by_hand(room: Hall, review: Review) -> None:
    job = room.take(trusted())
    job = room.store.apply(job, Step(to=State.HELD, note=".", language="en"), "daemon")
    with pytest.raises(Conflict, match="no draft"):
        review.approve(job.id, None, "lin")
    review.edit(job.id, "A colleague will call you.", None, "lin")
    assert review.approve(job.id, None, "lin").state is State.APPROVED


@pytest.mark.parametrize("text", ["", " \n", "x" * (MAX_DRAFT + 1)])
def test_an_empty_or_endless_text_is_refused(room: Hall, review: Review, text: str) -> None:
    with pytest.raises(Conflict):
        review.edit(drafted(room).id, text, None, "lin")


def test_a_rejected_mail_keeps_the_reason_on_one_line(room: Hall, review: Review) -> None:
    job = review.reject(drafted(room).id, "Phoned\nthe customer.", "lin")
    assert job.state is State.REJECTED
    assert room.store.entries(job.id)[0].note == "Rejected: Phoned the customer."


def test_redo_carries_the_persons_note_to_the_engine(room: Hall, review: Review) -> None:
    job = review.redo(drafted(room).id, "Shorter, please.", "lin")
    assert (job.state, job.instruction) == (State.SCREENED, "Shorter, please.")


def test_a_parked_mail_starts_again(room: Hall, review: Review) -> None:
    job = room.take(trusted())
    room.store.apply(job, Step(to=State.PARKED, note="."), "daemon")
    assert review.retry(job.id, "lin").state is State.RECEIVED


def test_an_unreadable_mail_cannot_be_tried_again(room: Hall, review: Review) -> None:
    job = room.store.unreadable("north", "9", "It is larger than 20 MB.")
    assert job is not None
    with pytest.raises(Conflict, match="could not be read"):
        review.retry(job, "lin")


@pytest.mark.parametrize(("sent", "expected"), [(True, State.SENT), (False, State.DRAFTED)])
def test_a_person_resolves_what_nobody_could_know(
    room: Hall, review: Review, sent: bool, expected: State
) -> None:
    job = review.approve(drafted(room).id, None, "lin")
    job = room.store.apply(job, Step(to=State.SENDING, note="."), "daemon")
    room.store.apply(job, Step(to=State.HELD, note=".", uncertain=True), "daemon")
    with pytest.raises(Conflict):
        review.approve(job.id, None, "lin")
    with pytest.raises(Conflict):
        review.redo(job.id, "", "lin")
    assert review.resolve(job.id, "lin", sent=sent).state is expected


def test_what_is_not_in_doubt_cannot_be_resolved(room: Hall, review: Review) -> None:
    with pytest.raises(Conflict):
        review.resolve(drafted(room).id, "lin", sent=True)


def test_a_reply_on_its_way_cannot_be_approved_again(room: Hall, review: Review) -> None:
    job = review.approve(drafted(room).id, None, "lin")
    room.store.apply(job, Step(to=State.SENDING, note="."), "daemon")
    with pytest.raises(Conflict, match="sending"):
        review.approve(job.id, None, "lin")


def test_an_approved_reply_cannot_be_approved_again(room: Hall, review: Review) -> None:
    job = review.approve(drafted(room).id, None, "lin")
    with pytest.raises(Conflict, match="approved"):
        review.approve(job.id, None, "lin")


def test_what_was_sent_is_final(room: Hall, review: Review) -> None:
    job = review.approve(drafted(room).id, None, "lin")
    job = room.store.apply(job, Step(to=State.SENDING, note="."), "daemon")
    room.store.apply(job, Step(to=State.SENT, note="."), "daemon")
    for act in (review.undo, review.retry):
        with pytest.raises(Conflict):
            act(job.id, "lin")
    with pytest.raises(Conflict):
        review.reject(job.id, "", "lin")


def test_a_mail_that_does_not_exist_is_said_so(review: Review) -> None:
    with pytest.raises(NotFound):
        review.approve(JobId(99), None, "lin")


def test_a_mail_that_was_never_screened_is_sent_through_the_house_instead(
    room: Hall, review: Review
) -> None:
    job = room.take(trusted())
    room.store.apply(job, Step(to=State.HELD, note="."), "daemon")
    with pytest.raises(Conflict, match="mail retry"):
        review.redo(job.id, "", "lin")


def test_a_note_that_would_leave_the_mail_no_room_is_refused(room: Hall, review: Review) -> None:
    job = drafted(room)
    with pytest.raises(Conflict, match="longer than"):
        review.redo(job.id, "x" * (MAX_NOTE + 1), "lin")
    assert review.redo(job.id, "x" * MAX_NOTE, "lin").state is State.SCREENED


def test_a_reason_does_nothing_to_a_terminal(room: Hall, review: Review) -> None:
    job = review.reject(drafted(room).id, "\x1b]0;gone\x07", "lin")
    assert room.store.entries(job.id)[0].note == "Rejected: ]0;gone"
