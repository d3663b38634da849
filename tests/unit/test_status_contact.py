"""Whether a mailbox is heard of: the dead-man's watch of the status page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.settings import MailboxSettings, Settings
from appliance.domain.errors import (
    AlreadyRunning,
    ApplianceError,
    CredentialsRefused,
    MailboxUnreachable,
)
from appliance.flow.drafter import Drafter
from appliance.flow.intake import BATCH, Intake
from appliance.flow.status import Status
from tests.flow_floor import Hall, hall, trusted

POLL = timedelta(seconds=60)
Page = Callable[[], dict[str, Any]]


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


@pytest.fixture
def page(room: Hall) -> Page:
    drafter = Drafter(room.floor, load=lambda: pytest.fail("not here"), drafted=lambda: None)
    settings = Settings(mailbox=(MailboxSettings(name="north", office=Path("o"), path=Path("m")),))
    status = Status(floor=room.floor, drafter=drafter, settings=settings, started=room.clock.now())
    return lambda: status.page({}, ())


def poll(room: Hall, error: ApplianceError | None = None) -> None:
    room.mailbox.trouble["fetch"] = [] if error is None else [error]
    Intake(mailbox="north", floor=room.floor, arrived=lambda: None)._attempt()


def contact(page: Page) -> str:
    (mailbox,) = page()["mailboxes"]
    return str(mailbox["contact"])


def test_a_mailbox_that_was_just_polled_is_well(room: Hall, page: Page) -> None:
    poll(room)
    room.clock.advance(2 * POLL)
    assert contact(page) == "ok"
    assert page()["verdict"] == "idle"


def test_two_polls_without_contact_are_late_and_a_quarter_of_an_hour_is_dead(
    room: Hall, page: Page
) -> None:
    poll(room)
    room.clock.advance(2 * POLL + timedelta(seconds=1))
    assert contact(page) == "late"
    assert page()["troubles"] == []
    room.clock.advance(timedelta(minutes=15))
    assert contact(page) == "dead"
    (trouble,) = page()["troubles"]
    assert (trouble["part"], trouble["reason"]) == ("mail in north", "No contact for 17 minutes.")
    assert page()["verdict"] == "trouble"


def test_a_mailbox_nobody_ever_heard_of_is_late_and_then_dead(room: Hall, page: Page) -> None:
    assert contact(page) == "late"
    room.clock.advance(timedelta(minutes=15, seconds=1))
    assert contact(page) == "dead"


def test_one_failure_is_late_and_told_once(room: Hall, page: Page) -> None:
    poll(room)
    poll(room, MailboxUnreachable("Nobody answers."))
    assert contact(page) == "late"
    room.clock.advance(timedelta(minutes=16))
    assert contact(page) == "dead"
    assert [trouble["reason"] for trouble in page()["troubles"]] == ["Nobody answers."]
    poll(room)
    assert contact(page) == "ok"


@pytest.mark.parametrize("error", [CredentialsRefused("No."), AlreadyRunning("Another.")])
def test_what_only_a_person_can_mend_is_dead_at_once(
    room: Hall, page: Page, error: ApplianceError
) -> None:
    poll(room)
    poll(room, error)
    assert contact(page) == "dead"


def test_a_sign_in_refused_during_a_wait_is_dead_at_once_too(room: Hall, page: Page) -> None:
    poll(room)
    bringer = Intake(mailbox="north", floor=room.floor, arrived=lambda: None)
    bringer._stop.set()
    for error, told in ((MailboxUnreachable("No."), "late"), (CredentialsRefused("No."), "dead")):
        room.mailbox.trouble["wait"] = [error]
        bringer._rest(POLL)
        assert contact(page) == told


def test_a_clock_that_is_set_loses_no_contact(room: Hall, page: Page) -> None:
    poll(room)
    room.clock.set_by_hand(datetime.fromisoformat("2031-01-01T00:00:00+00:00"))
    assert contact(page) == "ok"


def test_who_is_polled_once_a_day_is_not_dead_in_between(room: Hall, page: Page) -> None:
    desk = room.floor.desks["north"]
    room.floor.desks.swap(replace(desk, settings=replace(desk.settings, poll_seconds=86_400)))
    poll(room)
    room.clock.advance(timedelta(days=1, minutes=20))
    assert contact(page) == "ok"


def test_an_inbox_that_takes_long_to_read_is_heard_of_meanwhile(
    room: Hall, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.mailbox.inbox = [trusted(str(number)) for number in range(3 * BATCH)]
    said: list[str] = []
    enqueue = room.store.enqueue

    def slow(*arguments: Any) -> Any:
        room.clock.advance(timedelta(seconds=10))
        said.append(contact(page))
        return enqueue(*arguments)

    monkeypatch.setattr(room.store, "enqueue", slow)
    poll(room)
    assert "dead" not in said
    assert contact(page) == "ok"
