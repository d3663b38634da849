import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.settings import FlowSettings
from appliance.domain.draft import Prompt
from appliance.domain.errors import DiskFull, MailboxUnreachable, ModelUnusable
from appliance.domain.job import Job, JobId, State, Step
from appliance.domain.ports import Engine
from appliance.domain.verdict import Disposition
from appliance.engine.scripted import ScriptedEngine
from appliance.flow.clerk import Clerk
from appliance.flow.drafter import Drafter
from appliance.flow.review import Review
from appliance.flow.switches import PAUSE
from tests.flow_floor import Hall, hall, trusted

GOOD = "We are open on Saturday from 9:00 to 13:00."


@contextmanager
def drafting(
    room: Hall,
    reply: Callable[[Prompt], str] = lambda _prompt: GOOD,
    seconds: float = 0.0,
    slots: int = 1,
) -> Iterator[Drafter]:
    """A drafter with a scripted engine; ``settle`` turns it until the engine is idle."""
    engine = ScriptedEngine(reply=reply, clock=room.clock, seconds_per_reply=seconds, slots=slots)
    drafter = Drafter(room.floor, load=lambda: engine, drafted=lambda: None)
    drafter._loaded()
    try:
        yield drafter
    finally:
        drafter.stop()
        drafter._wind_up()


def settle(drafter: Drafter, turns: int = 50) -> None:
    drafter.turn()
    while drafter.in_flight() and turns:
        flight = drafter.in_flight()[0]
        threading.Event().wait(0.01)
        if flight.future.done():
            drafter.turn()
        turns -= 1


def screened(room: Hall, uid: str = "1", **changes: Any) -> JobId:
    job = room.take(trusted(uid, **changes)).id
    Clerk(room.floor, lambda: None).once()
    assert room.store.get(job).state is State.SCREENED
    return job


def test_a_screened_mail_gets_a_draft_that_waits_for_a_person(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    with drafting(room) as drafter:
        settle(drafter)
    drafted = room.store.get(job)
    draft = room.draft_of(job)
    assert (drafted.state, draft.text) == (State.DRAFTED, GOOD)
    assert draft.passages[0].source == "hours.md#Saturday"
    assert [reply.text for reply in room.mailbox.drafts] == [f"{GOOD}\n\nNorthgate\n"]


def test_a_clean_draft_of_an_automatic_office_is_approved_by_itself(tmp_path: Path) -> None:
    room = hall(tmp_path, automatic=True)
    job = screened(room)
    with drafting(room) as drafter:
        settle(drafter)
    approved = room.store.get(job)
    assert approved.state is State.APPROVED, approved.findings
    assert room.reply_of(job).automatic
    assert room.mailbox.drafts == []


def test_a_draft_with_a_finding_waits_even_in_an_automatic_office(tmp_path: Path) -> None:
    room = hall(tmp_path, automatic=True)
    job = screened(room)
    with drafting(room, reply=lambda _: "We promise you a full refund of 500 EUR.") as drafter:
        settle(drafter)
    waiting = room.store.get(job)
    assert waiting.state is State.DRAFTED
    assert any(finding.disposition is Disposition.REVIEW for finding in waiting.findings)


def test_an_empty_draft_is_held(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    with drafting(room, reply=lambda _: "") as drafter:
        settle(drafter)
    assert room.store.get(job).state is State.HELD


def test_only_the_newest_mail_of_a_thread_is_answered(tmp_path: Path) -> None:
    room = hall(tmp_path)
    old = screened(room, "1")
    newer = trusted(
        "2",
        in_reply_to=room.store.get(old).message.id,
        sender=trusted("1").sender,
        text="Hello,\n\nand what are your opening hours on Sunday?",
    )
    room.clock.advance(timedelta(minutes=1))
    room.store.enqueue(newer)
    with drafting(room) as drafter:
        settle(drafter)
    assert room.store.get(old).state is State.SKIPPED


def test_a_pause_starts_nothing(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    room.floor.switches.turn_on(PAUSE, who="lin", why="", until=None)
    with drafting(room) as drafter:
        drafter.turn()
        assert drafter.in_flight() == ()
    assert room.store.get(job).state is State.SCREENED


def test_an_interrupted_mail_goes_back_to_the_queue_without_losing_a_try(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    with drafting(room, seconds=1000.0) as drafter:
        drafter.turn()
        assert len(drafter.in_flight()) == 1
        room.floor.switches.turn_on(PAUSE, who="lin", why="", until=None)
        drafter.interrupt()
        drafter.turn()
        back = room.store.get(job)
    assert (back.state, back.attempts) == (State.SCREENED, 0)


def test_what_a_person_rejected_meanwhile_is_not_drafted(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    with drafting(room, seconds=1000.0) as drafter:
        drafter.turn()
        room.store.apply(room.store.get(job), Step(to=State.REJECTED, note="No."), "lin")
        drafter.turn()
        drafter.turn()
        assert drafter.in_flight() == ()
    assert room.store.get(job).state is State.REJECTED


def test_a_mail_that_is_too_long_is_parked_with_a_sentence(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room, text="Hello,\n\n" + "what are your opening hours on Saturday? " * 2000)
    with drafting(room) as drafter:
        settle(drafter)
    assert room.store.get(job).state is State.PARKED


def test_as_many_mails_are_in_flight_as_the_engine_has_slots(tmp_path: Path) -> None:
    room = hall(tmp_path, flow=FlowSettings(stop_seconds=0.1))
    for uid in "123":
        screened(room, uid)
    with drafting(room, seconds=1000.0, slots=2) as drafter:
        drafter.turn()
        assert len(drafter.in_flight()) == 2


def test_a_model_that_cannot_be_loaded_is_told_and_tried_again(tmp_path: Path) -> None:
    room = hall(tmp_path)

    def load() -> Engine:
        raise ModelUnusable("There is no model file.")

    drafter = Drafter(room.floor, load=load, drafted=lambda: None)
    assert not drafter._loaded()
    assert [trouble.part for trouble in room.floor.health.troubles()] == ["engine"]
    assert not drafter._loaded()


def test_a_drafts_folder_that_fails_does_not_lose_the_draft(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    room.mailbox.trouble["save_draft"] = [MailboxUnreachable("It does not answer.")]
    with drafting(room) as drafter:
        settle(drafter)
    assert room.store.get(job).state is State.DRAFTED
    assert room.floor.health.troubles()[0].part == "drafts north"


@pytest.mark.parametrize("seconds", [0.0, 1000.0])
def test_stopping_finishes_or_gives_back_what_is_in_the_slots(
    tmp_path: Path, seconds: float
) -> None:
    room = hall(tmp_path, flow=FlowSettings(stop_seconds=0.5))
    job = screened(room)
    with drafting(room, seconds=seconds) as drafter:
        drafter.turn()
    expected = State.DRAFTED if seconds == 0.0 else State.SCREENED
    assert room.store.get(job).state is expected


def test_a_mail_that_is_redone_while_it_is_written_is_drafted_once_more_and_blocks_nothing(
    tmp_path: Path,
) -> None:
    room = hall(tmp_path, flow=FlowSettings(stop_seconds=0.1))
    job = screened(room)
    review = Review(room.floor, lambda: None)
    with drafting(room, seconds=1000.0, slots=2) as drafter:
        drafter.turn()
        (first,) = drafter.in_flight()
        # Both acts between two looks of the drafter: the job is its own successor.
        review.reject(job, "", "lin")
        review.redo(job, "Shorter.", "lin")
        drafter.turn()
        drafter.turn()
        (second,) = drafter.in_flight()
        assert first.future.cancelled()
        assert second.job.instruction == "Shorter."
        assert not second.future.done()
    assert room.store.get(job).state is State.SCREENED


def test_an_engine_that_fails_by_itself_is_told_and_loaded_anew(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    engines: list[ScriptedEngine] = []

    def broken(_prompt: Prompt) -> str:
        raise ModelUnusable("The model computed something that is no number.")

    def load() -> Engine:
        reply = (lambda _prompt: GOOD) if engines else broken
        engines.append(ScriptedEngine(reply=reply, clock=room.clock))
        return engines[-1]

    drafter = Drafter(room.floor, load=load, drafted=lambda: None)
    assert drafter._loaded()
    settle(drafter)
    waiting = room.store.get(job)
    assert (waiting.state, waiting.attempts) == (State.SCREENED, 0)
    (trouble,) = room.floor.health.troubles()
    assert (trouble.part, "no number" in trouble.reason) == ("engine", True)
    assert not drafter._loaded()
    drafter.turn()
    room.clock.advance(timedelta(minutes=2))
    assert drafter._loaded()
    assert room.floor.health.troubles() == ()
    settle(drafter)
    assert room.store.get(job).state is State.DRAFTED
    drafter.stop()
    drafter._wind_up()


def test_a_draft_for_which_there_is_no_room_is_kept_until_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = hall(tmp_path)
    job = screened(room)
    written: list[Prompt] = []

    def reply(prompt: Prompt) -> str:
        written.append(prompt)
        return GOOD

    def full(*_: object, **__: object) -> Job:
        raise DiskFull("No room.")

    with drafting(room, reply) as drafter:
        with monkeypatch.context() as patch:
            patch.setattr(room.store, "apply", full)
            for _ in range(5):
                with pytest.raises(DiskFull):
                    settle(drafter)
            assert len(drafter.in_flight()) == 1
        settle(drafter)
    assert room.store.get(job).state is State.DRAFTED
    assert len(written) == 1


def test_a_full_disk_at_the_stop_is_told_and_the_mail_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = hall(tmp_path, flow=FlowSettings(stop_seconds=0.1))
    job = screened(room)

    def full(*_: object, **__: object) -> Job:
        raise DiskFull("No room.")

    with drafting(room) as drafter:
        drafter.turn()
        monkeypatch.setattr(room.store, "apply", full)
    assert [trouble.part for trouble in room.floor.health.troubles()] == ["store"]
    assert room.store.get(job).state is State.SCREENED
    assert drafter.engine is None


def running(room: Hall, monkeypatch: pytest.MonkeyPatch, method: str) -> list[str]:
    """Run a drafter whose store finds no room in ``method``, until it has noticed."""
    drafter = Drafter(
        room.floor, load=lambda: ScriptedEngine(clock=room.clock), drafted=lambda: None
    )

    def full(*_: object, **__: object) -> Job:
        drafter.stop()
        raise DiskFull("No room.")

    monkeypatch.setattr(room.store, method, full)
    drafter.run()
    return [trouble.part for trouble in room.floor.health.troubles()]


@pytest.mark.parametrize("method", ["claim", "list"])
def test_a_full_disk_ends_no_drafter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    room = hall(tmp_path, flow=FlowSettings(stop_seconds=0.1))
    assert running(room, monkeypatch, method) == ["store"]


def test_a_mailbox_that_left_the_configuration_makes_its_mails_wait(tmp_path: Path) -> None:
    room = hall(tmp_path)
    job = screened(room)
    room.floor.desks._desks = {}
    with drafting(room) as drafter:
        settle(drafter)
    waiting = room.store.get(job)
    assert (waiting.state, waiting.attempts) == (State.SCREENED, 0)
    assert "not in the configuration" in room.store.entries(job)[0].note
