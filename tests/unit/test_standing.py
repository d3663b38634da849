"""Health, switches, reload, status and aftercare: what stands between two mails."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config.settings import MailboxSettings, Office, Settings
from appliance.domain.errors import ConfigError, DiskFull, MailboxUnreachable, NotFound
from appliance.domain.job import Job, State, Step
from appliance.flow.aftercare import Aftercare
from appliance.flow.drafter import Drafter
from appliance.flow.health import Health
from appliance.flow.reload import Reload
from appliance.flow.status import Status
from appliance.flow.switches import PAUSE, STOP_SENDING, Switches
from tests import factories
from tests.fakes import FakeClock
from tests.flow_floor import FakeKnowledge, Hall, hall, office, trusted

SETTINGS = Settings(mailbox=(MailboxSettings(name="north", office=Path("o"), path=Path("m")),))


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


def test_a_trouble_is_logged_when_it_begins_changes_and_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    health = Health(clock)
    with caplog.at_level(logging.INFO):
        health.broken("engine", "No model file.")
        clock.advance(timedelta(minutes=1))
        health.broken("engine", "No model file.")
        health.broken("engine", "It is damaged.")
        health.proven("engine")
        health.proven("engine")
    assert len(caplog.records) == 3
    assert health.troubles() == ()


def test_a_trouble_keeps_its_beginning() -> None:
    clock = FakeClock()
    health = Health(clock)
    begun = clock.now()
    health.broken("engine", "No model file.")
    clock.advance(timedelta(hours=1))
    health.broken("engine", "It is damaged.")
    assert health.troubles()[0].since == begun


def test_switches_survive_a_restart_and_end_by_the_clock(tmp_path: Path) -> None:
    clock = FakeClock()
    told: list[int] = []
    path = tmp_path / "overrides.toml"
    switches = Switches(path, clock, lambda: told.append(1))
    until = clock.now() + timedelta(hours=1)
    switches.turn_on(PAUSE, who="lin", why="", until=until)
    switches.turn_on(STOP_SENDING, who="lin", why="", until=None)
    again = Switches(path, clock, lambda: None)
    assert again.on(PAUSE)
    clock.advance(timedelta(hours=2))
    assert not again.on(PAUSE)
    assert again.on(STOP_SENDING)
    switches.turn_off(STOP_SENDING)
    assert len(told) == 3
    assert not Switches(path, clock, lambda: None).on(STOP_SENDING)


class Files:
    """What the configuration files say at the moment."""

    def __init__(self, room: Hall) -> None:
        self.settings = SETTINGS
        self.office = room.floor.desks["north"].office
        self.wrong: set[str] = set()
        self.reload = Reload(
            room.floor.desks,
            SETTINGS,
            load_settings=self._settings,
            load_office=lambda _directory: self._office(),
        )

    def _settings(self) -> Settings:
        if "settings" in self.wrong:
            raise ConfigError(("a.toml, line 1: mistake one.", "a.toml, line 2: mistake two."))
        return self.settings

    def _office(self) -> Office:
        if "office" in self.wrong:
            raise ConfigError(("o.toml, line 3: mistake.",))
        return self.office


def test_a_good_office_is_taken_over_and_a_bad_edit_never_replaces_it(room: Hall) -> None:
    files = Files(room)
    files.office = replace(files.office, name="Northgate Two")
    files.reload.look()
    assert room.floor.desks["north"].office.name == "Northgate Two"
    assert not files.reload.notes
    files.office = replace(files.office, name="Northgate Three")
    files.wrong = {"office", "settings"}
    files.reload.look()
    assert room.floor.desks["north"].office.name == "Northgate Two"
    assert len(files.reload.notes) == 3
    files.wrong = set()
    files.reload.look()
    assert not files.reload.notes


def test_a_changed_appliance_file_asks_for_a_restart(room: Hall) -> None:
    files = Files(room)
    files.settings = replace(SETTINGS, log_level="DEBUG")
    files.reload.look()
    assert "restart" in files.reload.notes[0]


def test_unread_knowledge_is_said_and_a_lost_folder_keeps_the_old_index(room: Hall) -> None:
    files = Files(room)
    desk = room.floor.desks["north"]

    class Lost(FakeKnowledge):
        def refresh(self) -> bool:
            raise ConfigError(("The folder cannot be listed.",))

    unread = FakeKnowledge(problems=("prices.pdf is not read.",))
    room.floor.desks.swap(replace(desk, knowledge=unread))
    files.reload.look()
    assert files.reload.notes == ("north: prices.pdf is not read.",)
    room.floor.desks.swap(replace(desk, knowledge=Lost()))
    files.reload.look()
    assert "not taken over" in files.reload.notes[0]


def test_a_mailbox_that_left_the_configuration_is_named(room: Hall) -> None:
    with pytest.raises(NotFound, match="south"):
        room.floor.desks["south"]


def page(room: Hall) -> dict[str, object]:
    drafter = Drafter(room.floor, load=lambda: pytest.fail("not here"), drafted=lambda: None)
    status = Status(floor=room.floor, drafter=drafter, settings=SETTINGS, started=room.clock.now())
    return status.page({"cpu_celsius": None}, ["a note"])


def test_the_page_names_the_gravest_first(room: Hall) -> None:
    assert page(room)["verdict"] == "idle"
    room.take(trusted())
    assert page(room)["verdict"] == "working"
    room.floor.switches.turn_on(PAUSE, who="lin", why="", until=None)
    assert page(room)["verdict"] == "paused"
    room.floor.switches.turn_on(STOP_SENDING, who="lin", why="", until=None)
    assert page(room)["verdict"] == "sending stopped"
    room.floor.health.broken("engine", "No model file.")
    shown = page(room)
    assert shown["verdict"] == "trouble"
    assert (shown["waiting"], shown["needs_you"], shown["notes"]) == (1, 0, ["a note"])
    assert shown["now_drafting"] == []


def drafted(room: Hall, actor: str = "daemon") -> Job:
    job = room.take(trusted())
    job = room.store.apply(job, Step(to=State.SCREENED, note=".", language="en"), "daemon")
    return room.store.apply(job, Step(to=State.DRAFTED, note=".", draft=factories.draft()), actor)


def test_a_crash_before_the_approval_is_made_good_at_the_start(tmp_path: Path) -> None:
    room = hall(tmp_path, automatic=True)
    job = drafted(room)
    Aftercare(room.floor).settle_all()
    assert room.store.get(job.id).state is State.APPROVED


def test_what_a_person_touched_never_leaves_by_itself(tmp_path: Path) -> None:
    room = hall(tmp_path, automatic=True)
    job = drafted(room, "lin")
    Aftercare(room.floor).settle_all()
    assert room.store.get(job.id).state is State.DRAFTED
    assert len(room.mailbox.drafts) == 1


def test_a_cap_that_was_reached_meanwhile_keeps_the_draft_for_a_person(tmp_path: Path) -> None:
    room = hall(tmp_path, automatic=True, caps=replace(office().caps, per_hour=0))
    job = drafted(room)
    Aftercare(room.floor).settle_all()
    assert room.store.get(job.id).state is State.DRAFTED


def test_an_office_may_want_no_copies(tmp_path: Path) -> None:
    room = hall(tmp_path, save_drafts=False)
    drafted(room)
    Aftercare(room.floor).settle_all()
    assert room.mailbox.drafts == []


def test_one_mail_that_cannot_be_settled_does_not_stop_the_others(tmp_path: Path) -> None:
    room = hall(tmp_path, automatic=True)
    job = drafted(room)
    room.mailbox.trouble["thread"] = [MailboxUnreachable("It is away.")]
    Aftercare(room.floor).settle_all()
    assert room.store.get(job.id).state is State.DRAFTED


def test_a_full_disk_ends_the_settling_and_a_lost_mailbox_only_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = hall(tmp_path, automatic=True)
    job = drafted(room)

    def full(*_: object, **__: object) -> Job:
        raise DiskFull("No room.")

    with monkeypatch.context() as patch:
        patch.setattr(room.store, "apply", full)
        with pytest.raises(DiskFull):
            Aftercare(room.floor).settle_all()
    assert room.store.get(job.id).state is State.DRAFTED
    room.floor.desks._desks = {}
    Aftercare(room.floor).save_copy(job)
    assert room.mailbox.drafts == []


def test_an_automatic_answer_that_the_mailbox_kept_back_leaves_once_it_is_there_again(
    tmp_path: Path,
) -> None:
    room = hall(tmp_path, automatic=True)
    job = drafted(room)
    aftercare = Aftercare(room.floor)
    room.mailbox.trouble["thread"] = [MailboxUnreachable("It does not answer.")]
    aftercare.settle(job)
    assert room.store.get(job.id).state is State.DRAFTED
    aftercare.settle_left()
    assert room.store.get(job.id).state is State.APPROVED


def test_a_copy_that_could_not_be_kept_is_tried_again_and_not_for_ever(room: Hall) -> None:
    job = drafted(room)
    aftercare = Aftercare(room.floor)
    room.mailbox.trouble["save_draft"] = [MailboxUnreachable("It does not answer.")] * 2
    aftercare.settle(job)
    aftercare.settle_left()
    aftercare.settle_left()
    assert room.mailbox.drafts == []
    room.clock.advance(timedelta(seconds=6))
    aftercare.settle_left()
    assert len(room.mailbox.drafts) == 1
    room.clock.advance(timedelta(seconds=6))
    aftercare.settle_left()
    assert len(room.mailbox.drafts) == 1
