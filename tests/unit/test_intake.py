from datetime import timedelta
from pathlib import Path

import pytest

from appliance.domain.errors import (
    AlreadyRunning,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
)
from appliance.domain.job import State
from appliance.domain.mail import Cursor
from appliance.flow import intake as module
from appliance.flow.intake import Intake
from tests import factories
from tests.flow_floor import Hall, hall, trusted


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


def intake(room: Hall, arrived: list[int] | None = None) -> Intake:
    told = [] if arrived is None else arrived
    return Intake(
        mailbox="north",
        floor=room.floor,
        chance=lambda: 0.5,
        arrived=lambda: told.append(1),
    )


def test_every_mail_becomes_a_job_and_the_clerk_is_told_once_a_batch(room: Hall) -> None:
    room.mailbox.inbox = [trusted(str(number)) for number in range(module.BATCH + 3)]
    told: list[int] = []
    bringer = intake(room, told)
    assert [bringer.once(), bringer.once(), bringer.once()] == [module.BATCH, 3, 0]
    assert room.store.counts()[State.RECEIVED] == module.BATCH + 3
    assert len(told) == 2


def test_a_known_mail_is_not_taken_twice(room: Hall) -> None:
    room.mailbox.inbox = [trusted()]
    intake(room).once()
    room.store._cursors.clear()
    intake(room).once()
    assert room.store.counts()[State.RECEIVED] == 1


def test_the_cursor_is_stored_only_with_the_last_mail(
    room: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.mailbox.inbox = [trusted("1"), trusted("2"), trusted("3")]
    enqueue = room.store.enqueue

    def full_at_the_third(message: object, cursor: Cursor | None = None) -> object:
        if cursor is not None:
            raise DiskFull("There is no room.")
        return enqueue(message, cursor)  # type: ignore[arg-type]

    monkeypatch.setattr(room.store, "enqueue", full_at_the_third)
    with pytest.raises(DiskFull):
        intake(room).once()
    assert room.store.cursor("north") is None
    monkeypatch.undo()
    assert intake(room).once() == 3
    assert room.store.counts()[State.RECEIVED] == 3


def test_an_unreadable_mail_is_parked_for_a_person(room: Hall) -> None:
    room.mailbox.unreadable = (("9", "It is larger than 20 MB."),)
    assert intake(room).once() == 1
    assert room.store.counts()[State.PARKED] == 1


@pytest.mark.parametrize(
    "error", [MailboxUnreachable("It is away."), DiskFull("No room."), CredentialsRefused("No.")]
)
def test_a_failure_is_told_and_waited_out_ever_longer(room: Hall, error: Exception) -> None:
    bringer = intake(room)
    room.mailbox.trouble["fetch"] = [error] * 4
    waits = [bringer._attempt().total_seconds() for _ in range(4)]
    assert waits == sorted(waits)
    assert room.floor.health.troubles()[0].part == "mail in north"
    bringer._attempt()
    assert room.floor.health.troubles() == ()
    assert room.floor.health.last_proven("mail in north") is not None


def test_it_runs_until_it_is_stopped(room: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    room.mailbox.inbox = [trusted()]
    bringer = intake(room)

    def stop_instead(_timeout: object) -> bool:
        bringer.stop()
        return False

    monkeypatch.setattr(type(room.mailbox), "wait", lambda _self, timeout: stop_instead(timeout))
    bringer.run()
    assert room.store.counts()[State.RECEIVED] == 1


def test_a_wait_that_fails_is_told(room: Hall) -> None:
    bringer = intake(room)
    room.mailbox.trouble["wait"] = [MailboxUnreachable("It is away.")]
    bringer._stop.set()
    bringer._rest(bringer._attempt())
    assert room.floor.health.troubles()[0].reason == "It is away."


def test_a_mailbox_that_fails_is_not_asked_to_wait_for_mail(
    room: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    bringer = intake(room)
    room.mailbox.trouble["fetch"] = [MailboxUnreachable("It is away.")]
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        bringer._stop.set()
        return True

    monkeypatch.setattr(bringer._stop, "wait", wait)
    room.mailbox.trouble["wait"] = [AssertionError("not while it is away")]
    bringer.run()
    assert waited == [1.0]


def test_it_stops_in_the_middle_of_a_full_inbox(room: Hall) -> None:
    room.mailbox.inbox = [trusted(str(number)) for number in range(module.BATCH * 3)]
    bringer = intake(room)
    bringer._arrived = bringer.stop
    bringer.run()
    assert room.store.counts()[State.RECEIVED] == module.BATCH


def test_an_outage_is_looked_at_every_few_seconds_at_first_and_at_each_poll_later(
    room: Hall,
) -> None:
    room.mailbox.trouble["fetch"] = [MailboxUnreachable("Nobody answers.")]
    bringer = intake(room)
    waits = []
    for _ in range(6):
        room.mailbox.trouble["fetch"] = [MailboxUnreachable("Nobody answers.")]
        waits.append(bringer._attempt().total_seconds())
    assert waits == [1, 2, 3, 3, 3, 3]
    room.clock.advance(timedelta(minutes=11))
    for _ in range(8):
        room.mailbox.trouble["fetch"] = [MailboxUnreachable("Nobody answers.")]
        waits.append(bringer._attempt().total_seconds())
    assert waits[-1] == room.floor.desks["north"].settings.poll_seconds


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 2.25), (1.0, 3.75)])
def test_the_wait_is_scattered_by_a_quarter(room: Hall, chance: float, wait: float) -> None:
    bringer = Intake(mailbox="north", floor=room.floor, arrived=lambda: None, chance=lambda: chance)
    waits = []
    for _ in range(3):
        room.mailbox.trouble["fetch"] = [MailboxUnreachable("Nobody answers.")]
        waits.append(bringer._attempt().total_seconds())
    assert waits[-1] == wait


def test_each_poll_looks_at_what_people_sent(room: Hall) -> None:
    job = room.take(trusted())
    room.mailbox.sent_outside = [
        factories.message(
            "out",
            in_reply_to=job.message.id,
            sender=factories.correspondent(factories.OFFICE, "Desk"),
            to=(job.message.sender,),
        )
    ]
    intake(room)._attempt()
    assert room.store.get(job.id).state is State.SENT


def test_a_box_that_is_not_alone_looks_again_sooner_than_one_that_was_refused(room: Hall) -> None:
    waits = []
    for error in (AlreadyRunning("Another appliance."), CredentialsRefused("Wrong password.")):
        room.mailbox.trouble["fetch"] = [error]
        waits.append(intake(room)._attempt())
    assert waits == [timedelta(minutes=1), timedelta(minutes=5)]
