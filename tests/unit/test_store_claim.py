from collections.abc import Sequence
from datetime import timedelta

import pytest

from appliance.domain.errors import AlreadyRunning, MailboxUnreachable
from appliance.mailbox.mailstore import Note, Ref
from appliance.mailbox.store_claim import BEAT_SECONDS, LEASE_SECONDS, StoreClaim
from tests.fakes import FakeClock
from tests.memory_mailstore import MemoryStore

BEAT = timedelta(seconds=BEAT_SECONDS + 1)
ASKED_AGAIN = timedelta(seconds=30)


class Box:
    """An appliance with a clock of its own."""

    def __init__(self, store: MemoryStore, name: str) -> None:
        self.clock = FakeClock()
        self.unseen = False
        self.claim = StoreClaim(store, box=name, host=f"host of {name}", clock=self.clock)

    def holds(self, after: timedelta = timedelta()) -> bool:
        self.clock.advance(after)
        try:
            self.claim.hold()
        except AlreadyRunning:
            return False
        return True


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def boxes(notes: Sequence[Note]) -> list[str]:
    return sorted(one.box for one in notes)


def test_the_first_has_the_account_and_the_second_is_told_who_has_it(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    first.claim.hold()
    with pytest.raises(AlreadyRunning, match="host of a"):
        second.claim.hold()
    assert boxes(store.notes()) == ["a"]
    assert first.holds(BEAT)


def test_a_box_that_gives_up_lets_the_other_in_at_once(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    assert first.holds()
    assert not second.holds()
    first.claim.give_up()
    assert store.notes() == []
    assert second.holds(ASKED_AGAIN)


def test_a_box_that_is_gone_is_followed_after_its_note_stayed_the_same(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    assert first.holds()
    assert not second.holds()
    assert not second.holds(timedelta(seconds=LEASE_SECONDS - 5))
    assert second.holds(timedelta(seconds=30))
    assert boxes(store.notes()) == ["b"]


def test_a_living_box_keeps_the_account_for_ever(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    assert first.holds()
    for _ in range(20):
        assert first.holds(BEAT)
        assert not second.holds(BEAT)
    assert boxes(store.notes()) == ["a"]


def test_a_box_that_was_frozen_yields_to_the_one_that_came(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    assert first.holds()
    assert not second.holds()
    assert second.holds(timedelta(seconds=LEASE_SECONDS + 30))
    assert not first.holds(timedelta(hours=1))
    assert second.holds(BEAT)


def test_a_restarted_box_has_its_account_at_once(store: MemoryStore) -> None:
    assert Box(store, "a").holds()
    assert Box(store, "a").holds()
    assert boxes(store.notes()) == ["a"]


def test_two_that_ask_in_one_moment_both_yield_and_one_gets_it_later(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")

    def meanwhile() -> None:
        store.on_leave_note = lambda: None
        assert second.holds()

    # The second writes its note after the first has looked, and looks before the first writes.
    store.on_leave_note = meanwhile
    assert not first.holds()
    assert second.holds()
    assert boxes(store.notes()) == ["b"]


def test_never_do_two_hold_it_wherever_they_meet(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    outcome: list[bool] = []

    def meanwhile() -> None:
        store.on_leave_note = lambda: None
        store.leave_note(box="b", host="h", beat="early")
        outcome.append(True)

    store.on_leave_note = meanwhile
    assert not first.holds()
    assert outcome == [True]
    assert boxes(store.notes()) == ["b"]
    # b's own look finds nobody else, so it is b that goes on.
    assert second.holds()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_box_that_comes_back_in_the_moment_of_its_succession_yields(
    store: MemoryStore, restarted: bool
) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    assert first.holds()
    assert not second.holds()
    second.clock.advance(timedelta(seconds=LEASE_SECONDS + 30))
    first.clock.advance(timedelta(seconds=LEASE_SECONDS + 30))
    back = Box(store, "a") if restarted else first

    def meanwhile() -> None:
        store.on_leave_note = lambda: None
        assert second.holds()

    # It has looked and seen nobody; before it writes, the other one takes over.
    store.on_leave_note = meanwhile
    assert not back.holds()
    assert boxes(store.notes()) == ["b"]
    assert second.holds(BEAT)
    assert not back.holds(ASKED_AGAIN)


def test_a_second_box_with_a_copy_of_the_disk_ends_the_first_one(store: MemoryStore) -> None:
    first, copy = Box(store, "a"), Box(store, "a")
    assert first.holds()
    assert copy.holds()
    for _ in range(4):
        assert not first.holds(BEAT)
        assert copy.holds(BEAT)
    copy.claim.give_up()
    assert first.holds(ASKED_AGAIN)


def test_a_note_that_nobody_can_see_is_no_claim(store: MemoryStore) -> None:
    first = Box(store, "a")

    def meanwhile() -> None:
        store.on_leave_note = lambda: None
        first.unseen = True

    store.on_leave_note = meanwhile
    notes = store.notes
    store.notes = lambda: [] if first.unseen else notes()  # type: ignore[method-assign]
    with pytest.raises(MailboxUnreachable):
        first.claim.hold()
    first.unseen = False
    assert first.holds()
    assert boxes(store.notes()) == ["a"]


def test_notes_that_cannot_be_removed_do_not_become_more(store: MemoryStore) -> None:
    first = Box(store, "a")
    assert first.holds()
    remove = store.remove

    def refused(refs: Sequence[Ref]) -> None:
        if refs:
            raise MailboxUnreachable("Nothing can be removed here.")

    store.remove = refused  # type: ignore[method-assign]
    for _ in range(10):
        with pytest.raises(MailboxUnreachable):
            first.holds(BEAT)
    assert len(store.notes()) == 2
    store.remove = remove  # type: ignore[method-assign]
    assert first.holds(BEAT)
    assert boxes(store.notes()) == ["a"]


def test_a_restart_in_bad_weather_is_not_kept_out_by_its_own_notes(store: MemoryStore) -> None:
    assert Box(store, "a").holds()
    again = Box(store, "a")
    remove, failures = store.remove, [True]

    def shaky(refs: Sequence[Ref]) -> None:
        if failures:
            failures.clear()
            raise MailboxUnreachable("The line broke.")
        remove(refs)

    store.remove = shaky  # type: ignore[method-assign]
    with pytest.raises(MailboxUnreachable):
        again.claim.hold()
    assert again.holds()
    assert boxes(store.notes()) == ["a"]


def test_between_two_beats_the_server_is_not_asked(store: MemoryStore) -> None:
    first = Box(store, "a")
    assert first.holds()
    store.trouble = MailboxUnreachable("No answer.")
    assert first.holds(timedelta(seconds=BEAT_SECONDS - 1))
    with pytest.raises(MailboxUnreachable):
        first.holds(timedelta(seconds=2))
    store.trouble = None
    assert first.holds()


def test_who_was_refused_does_not_ask_again_every_second(store: MemoryStore) -> None:
    first, second = Box(store, "a"), Box(store, "b")
    assert first.holds()
    assert not second.holds()
    store.trouble = MailboxUnreachable("Nobody may be asked now.")
    assert not second.holds(timedelta(seconds=4))


def test_the_name_of_a_machine_brings_no_control_signs_to_a_terminal(store: MemoryStore) -> None:
    store.leave_note(box="b", host="evil\x1b[2Jhost", beat="1")
    with pytest.raises(AlreadyRunning) as told:
        Box(store, "a").claim.hold()
    assert "\x1b" not in str(told.value)
