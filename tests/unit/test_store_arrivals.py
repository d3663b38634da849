from collections.abc import Sequence
from datetime import timedelta

import pytest

from appliance.domain.errors import MailboxUnreachable
from appliance.domain.mail import Batch, Cursor
from appliance.mailbox.mailstore import Changes, Listed, Mail
from appliance.mailbox.places import Place
from appliance.mailbox.store_arrivals import StoreArrivals
from tests.fakes import NOON, FakeClock
from tests.memory_mailstore import MemoryStore
from tests.raw_mail import raw_mail


def number(one: int) -> str:
    return f"question-{one}@customers.example"


def ids(batch: Batch) -> list[str]:
    return [one.id for one in batch.messages]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def arrivals(
    store: MemoryStore, place: Place = Place.INBOX, clock: FakeClock | None = None
) -> StoreArrivals:
    return StoreArrivals(
        mailbox="north",
        store=store,
        place=place,
        backlog_days=7,
        largest_mb=20,
        clock=clock or FakeClock(),
    )


def deliver(store: MemoryStore, *numbers: int, hours: int = 1) -> None:
    for one in numbers:
        store.deliver(
            raw_mail(one), received=NOON - timedelta(hours=hours) + timedelta(seconds=one)
        )


def everything(store: MemoryStore, cursor: Cursor | None, limit: int = 2) -> list[str]:
    inbox, found = arrivals(store), []
    while (batch := inbox.fetch(cursor, limit)).messages:
        found += ids(batch)
        cursor = batch.cursor
    return found


def test_the_inbox_is_listed_once_in_a_first_look(store: MemoryStore) -> None:
    deliver(store, *range(9))
    assert everything(store, None) == [number(one) for one in range(9)]
    assert store.begun == 1


def test_mail_older_than_the_backlog_is_not_ours_to_answer(store: MemoryStore) -> None:
    deliver(store, 1, hours=24 * 8)
    deliver(store, 2)
    assert everything(store, None) == [number(2)]


def test_an_inbox_of_old_mail_alone_is_not_listed_again_at_each_poll(store: MemoryStore) -> None:
    deliver(store, 1, hours=24 * 8)
    inbox = arrivals(store)
    cursor = inbox.fetch(None, 10).cursor
    for _ in range(3):
        cursor = inbox.fetch(cursor, 10).cursor
    deliver(store, 2)
    assert ids(inbox.fetch(cursor, 10)) == [number(2)]
    assert store.begun == 1


def test_mail_that_a_person_has_answered_is_left_out_of_the_first_look(store: MemoryStore) -> None:
    deliver(store, 1, 2)
    store.answer_by_hand(next(iter(store.items)))
    assert everything(store, None) == [number(2)]


def test_a_first_look_goes_on_after_a_restart_where_it_was(store: MemoryStore) -> None:
    deliver(store, *range(6))
    cursor = arrivals(store).fetch(None, 2).cursor
    deliver(store, 6)
    assert everything(store, cursor) == [number(one) for one in (2, 3, 4, 5, 6, 6)]


def test_a_mail_moved_in_with_an_old_date_during_the_first_look_is_not_lost(
    store: MemoryStore,
) -> None:
    deliver(store, *range(4))
    inbox = arrivals(store)
    batch = inbox.fetch(None, 2)
    deliver(store, 9, hours=30)
    seen = ids(batch)
    while (batch := inbox.fetch(batch.cursor, 2)).messages:
        seen += ids(batch)
    assert number(9) in seen


def test_mails_without_a_time_come_and_come_once(store: MemoryStore) -> None:
    for one in range(3):
        store.deliver(raw_mail(one), received=None)
    assert sorted(everything(store, None, limit=1)) == [number(one) for one in range(3)]


def test_a_state_that_the_server_forgot_begins_the_look_anew(store: MemoryStore) -> None:
    store.known_states = set()
    deliver(store, 1, 2)
    inbox = arrivals(store)
    cursor = inbox.fetch(None, 10).cursor
    store.known_states.clear()
    deliver(store, 3)
    assert ids(inbox.fetch(cursor, 10)) == [number(1), number(2), number(3)]


def test_a_server_that_replays_everything_brings_back_no_mail_of_years_ago(
    store: MemoryStore,
) -> None:
    deliver(store, 1, hours=24 * 900)
    deliver(store, 2)
    cursor = arrivals(store).fetch(None, 10).cursor
    assert cursor is not None
    replayed = Cursor(cursor.replace('.2"', '.0"'))
    assert replayed != cursor
    assert ids(arrivals(store).fetch(replayed, 10)) == [number(2)]


def test_changes_without_new_mail_do_not_end_the_look(store: MemoryStore) -> None:
    deliver(store, 1)
    inbox = arrivals(store)
    cursor = inbox.fetch(None, 10).cursor
    first = next(iter(store.items))
    for _ in range(5):
        store.log.append((Place.INBOX, "changed", first))
    deliver(store, 2)
    assert ids(inbox.fetch(cursor, 2)) == [number(2)]


def test_an_answer_from_a_mail_program_is_told_once(store: MemoryStore) -> None:
    deliver(store, 1)
    inbox = arrivals(store)
    batch = inbox.fetch(None, 10)
    store.answer_by_hand(next(iter(store.items)))
    told = inbox.fetch(batch.cursor, 10)
    assert told.answered == (batch.messages[0].uid,)
    store.log.append((Place.INBOX, "changed", next(iter(store.items))))
    assert inbox.fetch(told.cursor, 10).answered == ()


def test_a_mail_that_is_too_large_is_named_and_left_alone(store: MemoryStore) -> None:
    store.largest = 2000
    deliver(store, 1)
    store.deliver(raw_mail(2, text="x" * 3000), received=NOON)
    batch = arrivals(store).fetch(None, 10)
    assert ids(batch) == [number(1)]
    ((key, why),) = batch.unreadable
    assert key == [one.key for one in store.items.values()][1]
    assert "20 MB" in why


def test_mails_that_are_gone_by_now_hide_none_behind_them(store: MemoryStore) -> None:
    deliver(store, *range(6))
    inbox = arrivals(store)
    batch = inbox.fetch(None, 2)
    store.remove(list(store.items)[2:4])
    assert ids(inbox.fetch(batch.cursor, 2)) == [number(4), number(5)]


def test_sent_mail_counts_although_it_was_answered(store: MemoryStore) -> None:
    ref = store.deliver(raw_mail(1), Place.SENT, received=NOON)
    store.answer_by_hand(ref)
    assert ids(arrivals(store, Place.SENT).fetch(None, 10)) == [number(1)]


@pytest.mark.parametrize(
    "cursor",
    ["", "17.3.2026-01-01.9", "[]", "{}", "null", '{"state": "s.1", "since": "yesterday"}', '"x"'],
)
def test_a_cursor_of_another_mailbox_hides_nothing(store: MemoryStore, cursor: str) -> None:
    deliver(store, *range(3))
    inbox = arrivals(store)
    seen = [*ids(inbox.fetch(Cursor(cursor), 2)), *ids(inbox.fetch(Cursor(cursor), 2))]
    assert seen == [number(0), number(1), number(2)]


def test_on_a_bad_line_fewer_mails_are_asked_for_at_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(store, *range(9))
    read = store.read

    def through_a_bad_line(listed: Sequence[Listed]) -> Sequence[Mail]:
        if len(listed) > 2:
            raise MailboxUnreachable("The line broke.")
        return read(listed)

    monkeypatch.setattr(store, "read", through_a_bad_line)
    inbox = arrivals(store)
    cursor: Cursor | None = None
    seen: list[str] = []
    failures = 0
    while len(seen) < 9:
        try:
            batch = inbox.fetch(cursor, 8)
        except MailboxUnreachable:
            failures += 1
            continue
        seen += ids(batch)
        cursor = batch.cursor
    assert seen == [number(one) for one in range(9)]
    assert failures < 9


def test_as_long_as_nothing_comes_the_cursor_stays_and_the_server_is_asked_with_its_newest_state(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    inbox = arrivals(store, clock=clock)
    deliver(store, 1)
    cursor = inbox.fetch(None, 10).cursor
    asked: list[str] = []
    changes = store.changes

    def noted(place: Place, state: str, limit: int) -> Changes:
        asked.append(state)
        return changes(place, state, limit)

    monkeypatch.setattr(store, "changes", noted)
    first = next(iter(store.items))
    for _ in range(3):
        store.log.append((Place.INBOX, "changed", first))
        assert inbox.fetch(cursor, 10).cursor == cursor
    assert len(set(asked)) == 3
    clock.advance(timedelta(hours=1, seconds=1))
    store.log.append((Place.INBOX, "changed", first))
    later = inbox.fetch(cursor, 10).cursor
    assert later != cursor
    assert inbox.fetch(later, 10).cursor == later
    deliver(store, 2)
    assert ids(inbox.fetch(later, 10)) == [number(2)]


def test_whoever_goes_back_to_an_older_cursor_is_given_everything_since(store: MemoryStore) -> None:
    inbox = arrivals(store)
    deliver(store, 1)
    cursor = inbox.fetch(None, 10).cursor
    assert inbox.fetch(cursor, 10).messages == ()
    deliver(store, 2)
    for _ in range(3):
        assert ids(inbox.fetch(cursor, 10)) == [number(2)]


def test_mails_of_one_second_are_all_there_in_whatever_order_they_are_listed(
    store: MemoryStore,
) -> None:
    for one in range(5):
        store.deliver(raw_mail(one), received=NOON - timedelta(hours=1))
    batch = arrivals(store).fetch(None, 2)
    store.items = dict(reversed(store.items.items()))
    seen = [*ids(batch), *everything(store, batch.cursor)]
    assert sorted(seen) == [number(one) for one in range(5)]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_at_the_first_look_hides_no_mail(
    store: MemoryStore, restarted: bool
) -> None:
    deliver(store, 1)
    clock = FakeClock()
    clock.advance(timedelta(days=30))
    inbox = arrivals(store, clock=clock)
    cursor = inbox.fetch(None, 10).cursor
    clock.set_by_hand(NOON)
    if restarted:
        inbox = arrivals(store, clock=clock)
    deliver(store, 2)
    batch = inbox.fetch(cursor, 10)
    assert ids(batch) == [number(1), number(2)]
    assert ids(inbox.fetch(batch.cursor, 10)) == []


def test_a_server_that_has_more_and_leads_nowhere_is_not_asked_for_ever(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = arrivals(store)
    cursor = inbox.fetch(None, 10).cursor
    asked: list[str] = []

    def changes(_place: Place, state: str, _limit: int) -> Changes:
        asked.append(state)
        assert len(asked) < 10
        return Changes(new=(), changed=(), state=state, more=True)

    monkeypatch.setattr(store, "changes", changes)
    assert ids(inbox.fetch(cursor, 10)) == []


def test_a_box_that_does_not_know_the_time_yet_takes_no_mail_of_years_ago(
    store: MemoryStore,
) -> None:
    clock = FakeClock()
    clock.set_by_hand(NOON - timedelta(days=2000))
    deliver(store, 1, hours=24 * 900)
    deliver(store, 2)
    inbox = arrivals(store, clock=clock)
    batch = inbox.fetch(None, 10)
    assert ids(batch) == [number(2)]
    for _ in range(3):
        assert inbox.fetch(batch.cursor, 10).messages == ()
    assert store.begun == 1
    deliver(store, 3)
    assert ids(inbox.fetch(batch.cursor, 10)) == [number(3)]
