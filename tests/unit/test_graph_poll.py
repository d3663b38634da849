"""The state of a folder that is polled: what it names, and that it stays small."""

from datetime import timedelta

from appliance.mailbox.graph_poll import is_polled, state_after
from appliance.mailbox.mailstore import Listed, Ref
from tests.fakes import NOON


def listed(number: int, seconds: int | None) -> Listed:
    received = None if seconds is None else NOON + timedelta(seconds=seconds)
    return Listed(ref=Ref(f"mail-{number}"), received=received)


def test_a_state_names_the_mails_of_its_last_minutes_alone() -> None:
    one, two, three = listed(1, 0), listed(2, 60), listed(3, 130)
    assert state_after([one, two], NOON).count(",") == 2
    assert state_after([one, two, three], NOON).count(",") == 2
    assert state_after([three, two], NOON) == state_after([one, two, three], NOON)


def test_a_state_never_goes_back() -> None:
    later = NOON + timedelta(hours=1)
    assert state_after([listed(1, 0)], later) == state_after([], later)
    assert state_after([], later) == "received=2026-03-02T13:00:00Z;"


def test_a_mail_without_a_time_moves_no_state() -> None:
    assert state_after([listed(1, None)], NOON) == state_after([], NOON)


def test_a_flood_makes_no_endless_state() -> None:
    flood = [listed(number, number % 60) for number in range(5_000)]
    state = state_after(flood, NOON)
    assert is_polled(state)
    assert len(state) < 8_000
    assert "mail" not in state
