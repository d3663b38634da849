"""What becomes of a job whose work raises: each family of errors, and what comes on top of it."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.domain.errors import (
    Conflict,
    CredentialsRefused,
    DiskFull,
    EnginePaused,
    GenerationFailed,
    MailboxUnreachable,
    MessageUnreadable,
    ModelUnusable,
    ReplyRefused,
    SendingStopped,
    ThreadTooLong,
)
from appliance.domain.job import Job, State, Step
from appliance.flow.runner import Runner, traced
from tests.flow_floor import Hall, hall, trusted

CLAIMED = frozenset({State.RECEIVED, State.SENDING})
LEASE = timedelta(minutes=5)


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


def claimed(room: Hall) -> Job:
    job = room.store.claim(CLAIMED, LEASE)
    assert job is not None
    return job


def raising(error: Exception) -> Callable[[Job], Job | None]:
    def work(_job: Job) -> Job | None:
        raise error

    return work


def run(room: Hall, error: Exception) -> Job | None:
    return room.floor.runner.run(claimed(room), raising(error))


@pytest.mark.parametrize(
    "error",
    [MessageUnreadable("No."), ThreadTooLong("It is too long."), ReplyRefused("Refused.")],
)
def test_what_never_succeeds_is_parked_at_once_with_its_sentence(
    room: Hall, error: Exception
) -> None:
    job = room.take(trusted())
    parked = run(room, error)
    assert parked is not None
    assert parked.state is State.PARKED
    assert room.store.entries(job.id)[0].note == str(error)


@pytest.mark.parametrize(
    "error",
    [
        MailboxUnreachable("It is away."),
        EnginePaused("It is hot."),
        SendingStopped("Sending is stopped."),
        CredentialsRefused("The password is refused."),
        ModelUnusable("There is no model file."),
    ],
)
def test_what_time_or_a_person_heals_costs_no_try_however_long_it_lasts(
    room: Hall, error: Exception
) -> None:
    job = room.take(trusted())
    for _ in range(20):
        assert run(room, error) is None
        room.clock.advance(timedelta(hours=2))
    waiting = room.store.get(job.id)
    assert (waiting.state, waiting.attempts) == (State.RECEIVED, 0)


def test_a_job_that_was_given_back_is_not_claimed_before_its_time(room: Hall) -> None:
    room.take(trusted())
    run(room, MailboxUnreachable("It is away."))
    assert room.store.claim(CLAIMED, LEASE) is None
    room.clock.advance(timedelta(seconds=30))
    assert room.store.claim(CLAIMED, LEASE) is not None


@pytest.mark.parametrize("error", [GenerationFailed("It broke off."), KeyError("Ida's letter")])
def test_what_nobody_foresaw_is_tried_three_times_and_quoted_nowhere(
    room: Hall, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    job = room.take(trusted())
    states = []
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            run(room, error)
            states.append(room.store.get(job.id).state)
            room.clock.advance(timedelta(hours=2))
    assert states == [State.RECEIVED, State.RECEIVED, State.PARKED]
    notes = " ".join(entry.note for entry in room.store.entries(job.id))
    assert type(error).__name__ in notes
    assert "letter" not in notes + caplog.text


def test_what_a_person_moved_meanwhile_stays_where_they_put_it(room: Hall) -> None:
    job = room.take(trusted())
    seen = claimed(room)
    room.store.apply(room.store.get(job.id), Step(to=State.HELD, note="Mine."), "lin")
    # Its work ends in each of these after the person's act.
    for error in (Conflict("It moved."), MessageUnreadable("No."), MailboxUnreachable("Away.")):
        assert room.floor.runner.run(seen, raising(error)) is None
    assert room.store.entries(job.id)[0].note == "Mine."


def test_a_full_disk_gives_the_job_back_and_costs_no_try(room: Hall) -> None:
    job = room.take(trusted())
    for _ in range(5):
        with pytest.raises(DiskFull):
            run(room, DiskFull("No room."))
    screened = Step(to=State.SCREENED, note=".", language="en")
    moved = room.floor.runner.run(
        claimed(room), lambda claimed: room.store.apply(claimed, screened, "daemon")
    )
    assert moved is not None
    assert room.store.get(job.id).state is State.SCREENED


def test_a_disk_that_fills_while_a_job_is_parked_does_not_lock_the_job_away(
    room: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.take(trusted())

    def full(*_: object, **__: object) -> Job:
        raise DiskFull("No room.")

    with monkeypatch.context() as patch:
        patch.setattr(room.store, "apply", full)
        with pytest.raises(DiskFull):
            run(room, MessageUnreadable("No."))
    assert room.store.claim(CLAIMED, LEASE) is not None


def test_a_reply_that_may_have_left_is_never_given_up_for_its_tries(room: Hall) -> None:
    runner: Runner = room.floor.runner
    job = room.take(trusted())
    for step in (
        Step(to=State.SCREENED, note=".", language="en"),
        Step(to=State.DRAFTED, note="."),
        Step(to=State.APPROVED, note="."),
        Step(to=State.SENDING, note="."),
    ):
        job = room.store.apply(job, step, "daemon")
    worked = []
    for _ in range(6):
        room.clock.advance(timedelta(hours=2))
        runner.run(claimed(room), lambda job: worked.append(job.id))
    assert len(worked) == 6


def test_the_place_of_an_error_is_told_and_its_text_is_not() -> None:
    assert traced(ValueError("secret")) == "ValueError"
    with pytest.raises(ValueError, match="secret") as raised:
        raising(ValueError("secret"))(None)  # type: ignore[arg-type]
    assert traced(raised.value).startswith(f"ValueError at {__name__}:")
