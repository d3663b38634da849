from pathlib import Path
from typing import Any

import pytest

from appliance.domain.errors import ApplianceError, Conflict, NotFound
from appliance.domain.job import State, Step
from appliance.flow.review import Review
from appliance.flow.switches import PAUSE, STOP_SENDING
from appliance.flow.verbs import Verbs
from tests import factories
from tests.flow_floor import Hall, hall, trusted


@pytest.fixture
def room(tmp_path: Path) -> Hall:
    return hall(tmp_path)


class Desk:
    """The verbs as a caller named lin uses them."""

    def __init__(self, room: Hall) -> None:
        self.interrupted: list[int] = []
        verbs = Verbs(
            room.floor,
            review=Review(room.floor, lambda: None),
            interrupt=lambda: self.interrupted.append(1),
        )
        self._acts = {**verbs.reading(), **verbs.deciding()}

    def __call__(self, verb: str, **arguments: object) -> Any:
        return self._acts[verb]("lin", arguments)


@pytest.fixture
def desk(room: Hall) -> Desk:
    return Desk(room)


def drafted(room: Hall, uid: str = "1") -> int:
    job = room.take(trusted(uid))
    job = room.store.apply(job, Step(to=State.SCREENED, note=".", language="en"), "daemon")
    findings = (factories.finding(),)
    step = Step(to=State.DRAFTED, note=".", draft=factories.draft(), findings=findings)
    return room.store.apply(job, step, "daemon").id


def test_a_list_is_filtered_by_state_and_paged_by_number(room: Hall, desk: Desk) -> None:
    first, second = drafted(room, "1"), drafted(room, "2")
    room.take(trusted("3"))
    assert [row["id"] for row in desk("mail.list", state="drafted,held")] == [second, first]
    assert [row["id"] for row in desk("mail.list", before=second, limit=1)] == [first]
    assert len(desk("mail.list", state="drafted, received")) == 3
    assert desk("mail.list", before=0) == []
    assert len(desk("mail.list", limit=10**9)) == 3
    with pytest.raises(NotFound, match="No such state: lost"):
        desk("mail.list", state="lost")


def test_a_mail_is_shown_with_everything_a_reviewer_needs(room: Hall, desk: Desk) -> None:
    number = drafted(room)
    shown = desk("mail.show", id=number)
    assert shown["mail"]["from"] == "Ida <ida1@customers.example>"
    assert shown["drafts"][0]["passages"][0]["source"] == "hours.md#Saturday"
    assert shown["drafts"][0]["tokens_per_second"] == 4.0
    assert shown["findings"][0]["disposition"] == shown["disposition"] == "review"
    assert shown["reply"] is None
    desk("mail.approve", id=number)
    assert desk("mail.show", id=number)["reply"]["to"] == "ida1@customers.example"


def test_why_tells_the_ledger_oldest_first(room: Hall, desk: Desk) -> None:
    told = desk("mail.why", id=drafted(room))
    assert [entry["after"] for entry in told["ledger"]] == ["received", "screened", "drafted"]


def test_a_persons_draft_has_no_engine_figures(room: Hall, desk: Desk) -> None:
    number = drafted(room)
    desk("mail.edit", id=number, text="We open at nine sharp.", version=1)
    mine = desk("mail.show", id=number)["drafts"][-1]
    assert (mine["author"], mine["tokens"], mine["seconds"]) == ("lin", None, None)


def test_each_decision_moves_the_mail(room: Hall, desk: Desk) -> None:
    number = drafted(room)
    assert desk("mail.approve", id=number, version=1)["state"] == "approved"
    assert desk("mail.undo", id=number)["state"] == "drafted"
    assert desk("mail.redo", id=number, note="Shorter.")["state"] == "screened"
    assert desk("mail.reject", id=number, reason="Phoned.")["state"] == "rejected"
    parked = room.take(trusted("2"))
    room.store.apply(parked, Step(to=State.PARKED, note="."), "daemon")
    assert desk("mail.retry", id=parked.id)["state"] == "received"
    with pytest.raises(Conflict):
        desk("mail.resolve", id=number, sent=True)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("mail.show", {}),
        ("mail.show", {"id": "1"}),
        ("mail.show", {"id": True}),
        ("mail.show", {"id": -1}),
        ("mail.show", {"id": 2**64}),
        ("mail.show", {"id": 99}),
        ("mail.edit", {"id": 1, "text": 5}),
        ("mail.list", {"limit": "many"}),
        ("mail.list", {"state": "drafted,lost"}),
        ("mail.reject", {"id": 1, "reason": ["Phoned"]}),
        ("mail.resolve", {"sent": True}),
        ("resume", {"what": "everything"}),
        ("pause", {"minutes": 10**15}),
        ("pause", {"minutes": -5}),
        ("pause", {"why": 1}),
        ("stop-sending", {"why": None}),
    ],
)
def test_wrong_arguments_are_answered_with_a_sentence(
    desk: Desk, verb: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(ApplianceError, match=r"\.$"):
        desk(verb, **arguments)


def test_a_pause_ends_by_itself_and_may_interrupt(room: Hall, desk: Desk) -> None:
    (switch,) = desk("pause", minutes=30, why="Stocktaking")
    assert (switch["name"], switch["who"], switch["why"]) == (PAUSE, "lin", "Stocktaking")
    assert switch["until"] is not None
    assert desk.interrupted == []
    desk("pause", minutes=0, now=True)
    assert desk.interrupted == [1]
    assert room.floor.switches.active()[0].until is None


def test_what_was_stopped_can_be_resumed_apart(room: Hall, desk: Desk) -> None:
    desk("pause")
    desk("stop-sending", why="Wrong price list")
    assert room.floor.switches.on(STOP_SENDING)
    assert [switch["name"] for switch in desk("resume", what="drafting")] == [STOP_SENDING]
    desk("pause")
    assert [switch["name"] for switch in desk("resume", what="sending")] == [PAUSE]
    assert desk("resume") == []


def test_a_reason_is_one_line_that_does_nothing_to_a_terminal(desk: Desk) -> None:
    (switch,) = desk("pause", why="Stock\n\ttaking \x1b[2J now" + "!" * 500)
    assert switch["why"].startswith("Stock taking [2J now!")
    assert len(switch["why"]) == 200
    (switch,) = desk("resume", what="sending")
    assert desk("stop-sending", why="盘点\n中")[1]["why"] == "盘点 中"
