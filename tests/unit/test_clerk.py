from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.domain.draft import OUTSIDE, Evidence, Reply
from appliance.domain.errors import (
    AlreadyRunning,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
    OperatorError,
    ReplyDeferred,
    ReplyRefused,
)
from appliance.domain.job import Job, State, Step
from appliance.domain.mail import MessageId
from appliance.domain.verdict import Disposition
from appliance.flow.clerk import Clerk
from appliance.flow.switches import STOP_SENDING
from tests import factories
from tests.flow_floor import Hall, hall, trusted


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


@pytest.fixture
def clerk(room: Hall) -> Clerk:
    return Clerk(room.floor, lambda: None)


def approved(room: Hall, uid: str = "1") -> Job:
    message = trusted(uid)
    job = room.take(message)
    job = room.store.apply(job, Step(to=State.SCREENED, note=".", language="en"), "daemon")
    job = room.store.apply(job, Step(to=State.DRAFTED, note=".", draft=factories.draft()), "daemon")
    step = Step(to=State.APPROVED, note=".", reply=factories.reply(message, automatic=False))
    return room.store.apply(job, step, "lin")


def state(room: Hall, job: Job) -> State:
    return room.store.get(job.id).state


def test_a_question_is_screened_and_the_drafter_is_told(room: Hall) -> None:
    told = []
    job = room.take(trusted()).id
    assert Clerk(room.floor, lambda: told.append(1)).once()
    screened = room.store.get(job)
    assert (screened.state, screened.language, told) == (State.SCREENED, "en", [1])


def test_a_list_mail_is_skipped_and_filed_away(room: Hall, clerk: Clerk) -> None:
    headers = (*trusted().headers, ("list-id", "<news.customers.example>"))
    job = room.take(trusted(headers=headers)).id
    clerk.once()
    clerk.file()
    assert room.store.get(job).state is State.SKIPPED
    assert room.mailbox.places == {"1": Disposition.STOP}
    assert not room.store.unfiled(10)


def test_an_approved_reply_leaves_once_and_its_mail_is_filed(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.drafts = [room.reply_of(job.id)]
    while clerk.once():
        pass
    clerk.file()
    assert room.mailbox.sent == [job.reply]
    assert state(room, job) is State.SENT
    assert room.mailbox.places == {"1": Disposition.PASS}
    assert room.mailbox.drafts == []


def test_nothing_leaves_while_sending_is_stopped(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.floor.switches.turn_on(STOP_SENDING, who="lin", why="", until=None)
    assert not clerk.once()
    room.floor.switches.turn_off(STOP_SENDING)
    assert clerk.once()
    assert state(room, job) is State.SENT


def test_a_stop_between_claim_and_commit_still_holds(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.before_commit = lambda: room.floor.switches.turn_on(
        STOP_SENDING, who="lin", why="", until=None
    )
    clerk.once()
    assert room.mailbox.sent == []
    assert state(room, job) is State.APPROVED


def test_an_undo_between_claim_and_commit_still_holds(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    undone = Step(to=State.DRAFTED, note="Undone.")
    room.mailbox.before_commit = lambda: room.store.apply(room.store.get(job.id), undone, "lin")
    clerk.once()
    assert state(room, job) is State.DRAFTED
    assert room.mailbox.sent == []


def test_a_mailbox_that_fails_before_the_commit_is_tried_again_later(
    room: Hall, clerk: Clerk
) -> None:
    job = approved(room)
    room.mailbox.trouble["send"] = [MailboxUnreachable("It does not answer.")]
    clerk.once()
    assert state(room, job) is State.APPROVED
    assert room.floor.health.troubles()
    assert not clerk.once()
    room.clock.advance(timedelta(minutes=1))
    clerk.once()
    assert state(room, job) is State.SENT
    assert not room.floor.health.troubles()


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence.SENT, State.SENT),
        (Evidence.NOT_SENT, State.APPROVED),
        (Evidence.UNKNOWN, State.HELD),
    ],
)
def test_after_the_commit_only_evidence_decides(
    room: Hall, clerk: Clerk, evidence: Evidence, expected: State
) -> None:
    job = approved(room)
    room.mailbox.after_commit = MailboxUnreachable("The line broke.")
    room.mailbox.evidence = evidence
    clerk.once()
    if evidence is Evidence.UNKNOWN:
        assert state(room, job) is State.SENDING
        room.clock.advance(timedelta(seconds=room.floor.runner.settings.doubt_seconds))
        clerk.once()
    assert state(room, job) is expected
    assert room.store.get(job.id).uncertain is (expected is State.HELD)


def test_a_reply_that_is_put_off_is_tried_again_later_and_later(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.after_commit = ReplyDeferred("451")
    waits = []
    for _ in range(3):
        clerk.once()
        assert state(room, job) is State.APPROVED
        waits.append(room.store.get(job.id).due - room.clock.now())
        room.clock.advance(waits[-1])
    assert waits[0] < waits[1] < waits[2]
    assert room.floor.health.troubles()
    room.mailbox.after_commit = None
    clerk.once()
    assert state(room, job) is State.SENT
    assert not [one for one in room.floor.health.troubles() if one.part.startswith("mail out")]


@pytest.mark.parametrize("error", [CredentialsRefused("No."), AlreadyRunning("Another.")])
def test_what_a_person_must_mend_costs_no_reply(
    room: Hall, clerk: Clerk, error: OperatorError
) -> None:
    job = approved(room)
    room.mailbox.trouble["send"] = [error]
    clerk.once()
    assert state(room, job) is State.APPROVED
    assert room.store.get(job.id).attempts == 0
    (trouble,) = room.floor.health.troubles()
    assert trouble.part == "mail out north"


def test_a_copy_that_turns_up_in_time_settles_the_doubt(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.after_commit = MailboxUnreachable("The line broke.")
    room.mailbox.evidence = Evidence.UNKNOWN
    clerk.once()
    assert state(room, job) is State.SENDING
    room.mailbox.evidence = Evidence.SENT
    room.clock.advance(timedelta(seconds=6))
    clerk.once()
    assert state(room, job) is State.SENT


def test_a_clock_set_back_does_not_keep_a_doubt_for_ever(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.after_commit = MailboxUnreachable("The line broke.")
    room.mailbox.evidence = Evidence.UNKNOWN
    clerk.once()
    now = room.clock.now()
    room.clock.set_by_hand(now - timedelta(hours=1))
    room.floor.store.postpone(room.store.get(job.id), room.clock.now(), "Again.", counted=False)
    clerk.once()
    assert state(room, job) is State.HELD


def test_as_long_as_the_server_may_be_at_work_nobody_is_asked(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.after_commit = MailboxUnreachable("The power failed.")
    room.mailbox.evidence = Evidence.PENDING
    clerk.once()
    room.clock.advance(timedelta(hours=3))
    clerk.once()
    assert state(room, job) is State.SENDING
    room.mailbox.evidence = Evidence.NOT_SENT
    room.clock.advance(timedelta(seconds=6))
    clerk.once()
    assert state(room, job) is State.APPROVED


def test_an_answer_that_a_person_just_sent_keeps_ours_back(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.sent_outside.append(
        factories.message(
            "out",
            id=MessageId("by-hand@northgate.example"),
            in_reply_to=job.message.id,
            sender=factories.correspondent(factories.OFFICE, "Desk"),
            to=(job.message.sender,),
        )
    )
    clerk.once()
    assert state(room, job) is State.SENT
    assert room.mailbox.sent == []
    assert room.store.entries(job.id)[0].actor == OUTSIDE


def test_what_was_answered_is_filed_with_its_answer(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    clerk.once()
    clerk.file()
    assert room.mailbox.answered[job.message.uid] == room.reply_of(job.id)


def test_a_refused_reply_is_parked_and_not_sent_again(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.after_commit = ReplyRefused("The server refuses this reply for good.")
    clerk.once()
    assert state(room, job) is State.PARKED


def test_no_room_after_the_commit_brings_the_reply_back(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.after_commit = DiskFull("There is no room.")
    clerk.once()
    assert state(room, job) is State.APPROVED


def test_a_job_found_in_sending_after_a_crash_is_resolved_not_sent_again(
    room: Hall, clerk: Clerk
) -> None:
    job = approved(room)
    job = room.store.apply(job, Step(to=State.SENDING, note="."), "daemon")
    room.mailbox.sent.append(room.reply_of(job.id))
    clerk.once()
    assert state(room, job) is State.SENT
    assert len(room.mailbox.sent) == 1


def test_a_mail_that_killed_the_process_three_times_is_parked(room: Hall, clerk: Clerk) -> None:
    job = room.take(trusted()).id
    for _ in range(3):
        room.store.claim(frozenset({State.RECEIVED}), timedelta(0))
    clerk.once()
    parked = room.store.get(job)
    assert parked.state is State.PARKED
    assert "3 tries" in room.store.entries(job)[0].note


def test_an_unexpected_error_costs_a_try_and_at_last_parks_the_mail(
    room: Hall, clerk: Clerk, caplog: pytest.LogCaptureFixture
) -> None:
    job = room.take(trusted()).id
    for _ in range(3):
        room.mailbox.trouble["thread"] = [ValueError("secret mail text")]
        clerk.once()
        room.clock.advance(timedelta(hours=2))
    assert room.store.get(job).state is State.PARKED
    assert "secret mail text" not in caplog.text + room.store.entries(job)[0].note


def test_a_mailbox_that_cannot_file_now_is_tried_again(room: Hall, clerk: Clerk) -> None:
    headers = (*trusted().headers, ("list-id", "<news.customers.example>"))
    room.store.enqueue(trusted(headers=headers))
    clerk.once()
    room.mailbox.trouble["file"] = [MailboxUnreachable("It does not answer.")]
    clerk.file()
    assert room.mailbox.places == {}
    assert room.floor.health.troubles()
    clerk.file()
    assert room.mailbox.places == {"1": Disposition.STOP}


def test_the_clerk_stops_when_told_and_says_when_the_disk_is_full(
    room: Hall, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        clerk.stop()
        raise DiskFull("There is no room.")

    monkeypatch.setattr(room.store, "claim", full)
    clerk.run()
    assert [trouble.part for trouble in room.floor.health.troubles()] == ["store"]


def test_no_room_before_the_commit_leaves_the_reply_where_it_is(room: Hall, clerk: Clerk) -> None:
    job = approved(room)
    room.mailbox.trouble["send"] = [DiskFull("There is no room.")]
    with pytest.raises(DiskFull):
        clerk.once()
    waiting = room.store.get(job.id)
    assert waiting.state is State.APPROVED
    clerk.once()
    assert state(room, job) is State.SENT
    assert len(room.mailbox.sent) == 1


def test_one_mailbox_that_cannot_file_keeps_no_other_waiting(room: Hall, clerk: Clerk) -> None:
    headers = (*trusted().headers, ("list-id", "<news.customers.example>"))
    for uid, mailbox in (("1", "north"), ("2", "gone"), ("3", "gone"), ("4", "north")):
        job = room.take(trusted(uid, mailbox=mailbox, headers=headers))
        room.store.apply(job, Step(to=State.SKIPPED, note="."), "daemon")
    clerk.file()
    assert set(room.mailbox.places) == {"1", "4"}
    assert [job.message.mailbox for job in room.store.unfiled(10)] == ["gone", "gone"]
    assert room.floor.health.troubles() == ()


def test_after_one_failure_a_mailbox_is_left_alone_until_the_next_look(
    room: Hall, clerk: Clerk
) -> None:
    headers = (*trusted().headers, ("list-id", "<news.customers.example>"))
    for uid in "12":
        room.take(trusted(uid, headers=headers))
        clerk.once()
    room.mailbox.trouble["file"] = [MailboxUnreachable("It does not answer.")]
    clerk.file()
    assert room.mailbox.places == {}


def test_a_slow_server_is_no_hanging_clerk(
    room: Hall, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for uid in "12":
        approved(room, uid)
    silent: list[float] = []

    def slow(*_: object) -> Evidence:
        silent.append(room.clock.steady() - clerk.beat)
        room.clock.advance(timedelta(minutes=1))
        return Evidence.SENT

    def send(_: object, _reply: Reply, commit: Callable[[], None]) -> None:
        room.clock.advance(timedelta(minutes=1))
        commit()
        slow()
        raise MailboxUnreachable("No answer to the dot.")

    for name, act in (("file", slow), ("find_sent", slow), ("send", send)):
        monkeypatch.setattr(type(room.mailbox), name, act)
    while clerk.once():
        pass
    clerk.file()
    assert silent == [0.0] * 6
