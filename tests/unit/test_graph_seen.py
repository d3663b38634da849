"""What a state of synchronisation has told, and the newest state that says the same."""

from datetime import timedelta

from appliance.mailbox.graph_seen import Ahead, Seen
from tests.fakes import FakeClock


def test_a_state_knows_what_was_told_up_to_it() -> None:
    seen = Seen()
    seen.told(["one"], "a")
    seen.told(["two"], "b")
    assert seen.knows("a", "one")
    assert not seen.knows("a", "two")
    assert seen.knows("b", "one")
    assert seen.knows("b", "two")
    assert not seen.knows("c", "one")
    assert not seen.knows("b", "three")


def test_what_is_told_again_was_known_before() -> None:
    seen = Seen()
    seen.told(["one"], "a")
    seen.told(["one"], "b")
    assert seen.knows("a", "one")


def test_what_left_is_new_when_it_returns() -> None:
    seen = Seen()
    seen.told(["one", "two"], "a")
    seen.forget(["one", "never seen"])
    assert not seen.knows("a", "one")
    assert seen.knows("a", "two")


def test_a_state_that_stands_for_another_knows_the_same() -> None:
    seen = Seen()
    seen.told(["one"], "a")
    seen.same("b", as_state="a")
    seen.same("c", as_state="unknown")
    assert seen.knows("b", "one")
    assert not seen.knows("c", "one")


def test_memory_is_bounded_and_forgets_the_oldest_first() -> None:
    seen = Seen(mails=3, states=2)
    for number in range(5):
        seen.told([f"mail-{number}"], f"state-{number}")
    assert [seen.knows("state-4", f"mail-{number}") for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert not seen.knows("state-2", "mail-2")


def test_the_newest_state_is_asked_with_and_the_old_one_kept() -> None:
    clock = FakeClock()
    ahead = Ahead(clock)
    for newest in ("b", "c"):
        ahead.nothing_since("a", newest)
        assert ahead.of("a") == newest
        assert ahead.given("a") == "a"
    assert ahead.of("other") == "other"


def test_now_and_then_the_caller_gets_the_newest() -> None:
    clock = FakeClock()
    ahead = Ahead(clock)
    ahead.nothing_since("a", "b")
    clock.advance(timedelta(hours=1))
    ahead.nothing_since("a", "c")
    assert ahead.given("a") == "c"
    assert ahead.of("c") == "c"
    assert ahead.given("c") == "c"
    ahead.nothing_since("c", "d")
    assert ahead.given("c") == "c"
