"""Every method of the store against a Graph server of our own, over HTTP and TLS."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.domain.errors import (
    MailboxUnreachable,
)
from appliance.domain.mail import Message, MessageId
from appliance.mailbox import graph_list, graph_poll, graph_sync, mime
from appliance.mailbox.graph import GraphStore
from appliance.mailbox.mailstore import Listed, Mail, Marks, Ref, Spot, StateLost
from appliance.mailbox.places import Place
from appliance.mailbox.store_arrivals import message as as_message
from tests.fakes import FakeClock
from tests.graph_account import DESK, GraphAccount
from tests.raw_mail import raw_mail
from tests.servers import graph_routes, graph_service, graph_shape
from tests.servers.graph_errors import GraphError
from tests.servers.graph_faults import How
from tests.servers.graph_routes import Answer

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def account(tmp_path: Path, clock: FakeClock) -> Iterator[GraphAccount]:
    with GraphAccount(tmp_path, clock) as account:
        yield account


@pytest.fixture
def store(account: GraphAccount) -> Iterator[GraphStore]:
    store = account.store()
    yield store
    store.close()


def waiting(store: GraphStore, place: Place = Place.INBOX) -> tuple[Listed, ...]:
    return store.begin(place, LONG_AGO).waiting


def first(account: GraphAccount, store: GraphStore, number: int = 1) -> Listed:
    """A mail that was delivered, as the inbox lists it."""
    account.server.deliver(DESK, raw_mail(number))
    return waiting(store)[-1]


def values(mail: Mail) -> Message:
    return as_message(mail, mailbox="desk")


def statuses(account: GraphAccount) -> list[int]:
    return [status for _, _, status in account.server.requests]


# What comes.


def test_an_inbox_is_listed_whole_and_oldest_first(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(1, 4)])
    begun = store.begin(Place.INBOX, LONG_AGO)
    subjects = [values(mail).subject for mail in store.read(begun.waiting)]
    assert subjects == ["Question 1", "Question 2", "Question 3"]
    assert all(one.received is not None and one.received.tzinfo for one in begun.waiting)
    assert all(0 < one.size < 2_000 for one in begun.waiting)


def test_mail_from_before_is_not_listed(account: GraphAccount, store: GraphStore) -> None:
    limit = datetime(2026, 3, 1, tzinfo=UTC)
    account.server.deliver(DESK, raw_mail(1), received=limit - timedelta(seconds=1))
    account.server.deliver(DESK, raw_mail(2), received=limit)
    (listed,) = store.begin(Place.INBOX, limit).waiting
    assert [values(mail).subject for mail in store.read([listed])] == ["Question 2"]


def test_more_mail_than_a_page_holds_is_listed_once_each(
    account: GraphAccount, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (graph_sync, graph_list):
        monkeypatch.setattr(module, "PAGE", 7)
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(30)])
    listed = waiting(store)
    assert len(listed) == 30
    assert len({one.ref for one in listed}) == 30
    assert account.server.count("delta") == 5


def test_what_a_mail_program_answered_is_told_in_the_first_list(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    account.server.mark_replied(DESK, "question-1@customers.example")
    assert [one.answered for one in waiting(store)] == [True, False]


def test_a_state_holds_no_address_and_no_host(account: GraphAccount, store: GraphStore) -> None:
    state = store.begin(Place.INBOX, LONG_AGO).state
    assert state.startswith("$deltatoken=")
    assert "127.0.0.1" not in state
    assert "desk" not in state


def test_changes_tell_of_new_mail_and_of_mail_that_changed(
    account: GraphAccount, store: GraphStore
) -> None:
    old = first(account, store, 1)
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.mark_replied(DESK, "question-1@customers.example")
    account.server.deliver(DESK, raw_mail(2))
    changes = store.changes(Place.INBOX, state, 50)
    told = {values(mail).subject for mail in store.read(changes.new)}
    assert told == {"Question 1", "Question 2"}
    assert [one.ref for one in changes.new if one.answered] == [old.ref]
    assert not changes.more


def test_where_nothing_changed_nothing_is_told(account: GraphAccount, store: GraphStore) -> None:
    first(account, store)
    state = store.begin(Place.INBOX, LONG_AGO).state
    for _ in range(3):
        changes = store.changes(Place.INBOX, state, 50)
        assert (changes.new, changes.changed, changes.more) == ((), (), False)
        state = changes.state


def test_whoever_failed_and_asks_again_hears_of_the_same_mails(
    account: GraphAccount, store: GraphStore
) -> None:
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(5)])
    told = [one.ref for one in store.changes(Place.INBOX, state, 50).new]
    first_of_few = store.changes(Place.INBOX, state, 2)
    few = [one.ref for one in first_of_few.new]
    while first_of_few.more:
        first_of_few = store.changes(Place.INBOX, first_of_few.state, 2)
        few += [one.ref for one in first_of_few.new]
    assert sorted(few) == sorted(told)


def test_many_changes_come_in_parts(account: GraphAccount, store: GraphStore) -> None:
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(70)])
    parts: list[list[Ref]] = []
    more = True
    while more:
        changes = store.changes(Place.INBOX, state, 30)
        parts.append([one.ref for one in changes.new])
        state, more = changes.state, changes.more
    assert [len(part) for part in parts] == [30, 30, 10]
    assert len({ref for part in parts for ref in part}) == 70


def test_many_changes_say_who_was_answered_without_asking_for_each(
    account: GraphAccount, store: GraphStore
) -> None:
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(40)])
    account.server.mark_replied(DESK, "question-7@customers.example")
    changes = store.changes(Place.INBOX, state, 50)
    assert sum(one.answered for one in changes.new) == 1
    assert len(changes.new) == 40
    assert account.server.count("get_message") == 0


def test_mail_that_went_is_no_change_and_is_new_when_it_returns(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store)
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.move(DESK, "question-1@customers.example", "Archive")
    gone = store.changes(Place.INBOX, state, 50)
    assert (gone.new, gone.changed) == ((), ())
    account.server.move(DESK, "question-1@customers.example", "Inbox")
    back = store.changes(Place.INBOX, gone.state, 50)
    assert [one.ref for one in back.new] == [listed.ref]


@pytest.mark.parametrize("code", ["SyncStateNotFound", "resyncRequired", "SyncStateInvalid"])
def test_a_state_that_the_server_lost_is_told(
    account: GraphAccount, store: GraphStore, code: str
) -> None:
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.forget_delta_tokens(code)
    with pytest.raises(StateLost):
        store.changes(Place.INBOX, state, 50)


@pytest.mark.parametrize(
    "state", ["", "H4sIAAAA=", "$deltatoken=nonsense", "$filter=x&$deltatoken=y", "1:2"]
)
def test_a_state_of_another_mailbox_is_lost(store: GraphStore, state: str) -> None:
    with pytest.raises(StateLost):
        store.changes(Place.INBOX, state, 50)


def test_a_state_of_another_folder_is_lost(account: GraphAccount, store: GraphStore) -> None:
    state = store.begin(Place.SENT, LONG_AGO).state
    with pytest.raises(StateLost):
        store.changes(Place.INBOX, state, 50)


# Without a delta.


@pytest.fixture
def without_delta(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in China's cloud, by the documentation."""
    routes = [one for one in graph_routes._PATTERNS if not one[1].endswith("/delta")]
    monkeypatch.setattr(graph_routes, "_PATTERNS", routes)


@pytest.mark.usefixtures("without_delta")
def test_without_a_delta_new_mail_comes_all_the_same_and_once(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    begun = store.begin(Place.INBOX, LONG_AGO)
    assert len(begun.waiting) == 2
    assert store.changes(Place.INBOX, begun.state, 50).state == begun.state
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(3, 8)])
    assert store._sync.stirred()
    told: list[str] = []
    state, more = begun.state, True
    while more:
        changes = store.changes(Place.INBOX, state, 2)
        told += [values(mail).subject for mail in store.read(changes.new)]
        state, more = changes.state, changes.more
        assert changes.changed == ()
    assert told == [f"Question {number}" for number in range(3, 8)]
    assert store.changes(Place.INBOX, state, 50).new == ()
    assert not store._sync.stirred()


@pytest.mark.usefixtures("without_delta")
def test_without_a_delta_whoever_failed_hears_of_the_same_mail_again(
    account: GraphAccount, store: GraphStore
) -> None:
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.deliver(DESK, raw_mail(1))
    told = store.changes(Place.INBOX, state, 50)
    assert store.changes(Place.INBOX, state, 50).new == told.new
    assert account.store().changes(Place.INBOX, told.state, 50).new == ()
    account.server.deliver(DESK, raw_mail(2))
    assert len(account.store().changes(Place.INBOX, told.state, 50).new) == 1


@pytest.mark.usefixtures("without_delta")
def test_without_a_delta_a_mail_that_turns_up_late_is_not_lost(
    account: GraphAccount, store: GraphStore
) -> None:
    moment = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    account.server.deliver(DESK, raw_mail(1), received=moment)
    state = store.begin(Place.INBOX, LONG_AGO).state
    account.server.deliver(DESK, raw_mail(2), received=moment - timedelta(seconds=90))
    changes = store.changes(Place.INBOX, state, 50)
    assert [values(mail).subject for mail in store.read(changes.new)] == ["Question 2"]
    assert store.changes(Place.INBOX, changes.state, 50).new == ()


@pytest.mark.parametrize(
    "state", ["received=", "received=yesterday;1", "received=2026-11-25T09:00:00Z;x"]
)
def test_a_state_that_tells_no_time_is_lost(store: GraphStore, state: str) -> None:
    with pytest.raises(StateLost):
        store.changes(Place.INBOX, state, 50)


# Reading.


def test_a_mail_is_read_with_the_headers_it_came_with(
    account: GraphAccount, store: GraphStore
) -> None:
    raw = raw_mail(1, headers="Auto-Submitted: auto-replied\nList-Id: <news.example.com>\n")
    account.server.deliver(DESK, raw)
    (mail,) = store.read(waiting(store))
    assert mail.raw is not None
    assert mail.raw.endswith(raw)
    message = values(mail)
    assert message.header("auto-submitted") == "auto-replied"
    assert message.header("list-id") == "<news.example.com>"
    assert message.header("received") is not None
    assert mail.key == mail.ref


def test_headers_that_the_rendering_leaves_out_come_back(
    account: GraphAccount, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.server.deliver(DESK, raw_mail(1, headers="Auto-Submitted: auto-generated\n"))

    def bare(*_: object) -> bytes:
        return b"From: a@customers.example\r\nSubject: Question 1\r\n\r\nHello.\r\n"

    monkeypatch.setattr(graph_shape, "raw_of", bare)
    (mail,) = store.read(waiting(store))
    message = values(mail)
    assert message.header("auto-submitted") == "auto-generated"
    assert message.header_all("subject") == ("Question 1",)
    assert message.text == "Hello."
    assert message.media_type == "text/plain"


def test_a_mail_that_is_too_large_is_not_read(account: GraphAccount) -> None:
    store = account.store(largest_mb=1)
    account.server.deliver(DESK, raw_mail(1, text="x" * 76 + "\n"))
    account.server.deliver(DESK, raw_mail(2, text=("x" * 76 + "\n") * 15_000))
    account.server.deliver(DESK, raw_mail(3, text=("x" * 76 + "\n") * 30_000))
    small, large, larger = store.read(waiting(store))
    assert small.raw is not None
    assert (large.raw, larger.raw) == (None, None)
    assert account.server.count("get_mime") == 2


def test_mails_that_are_gone_are_left_out(account: GraphAccount, store: GraphStore) -> None:
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(1, 4)])
    listed = waiting(store)
    store.remove([listed[1].ref])
    assert [values(mail).subject for mail in store.read(listed)] == ["Question 1", "Question 3"]
    assert set(store.keys(listed)) == {listed[0].ref, listed[2].ref}
    assert store.read([Listed(ref=Ref("no id at all"), received=None)]) == []


def test_a_broken_answer_never_makes_a_mail_seem_gone(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store)
    hows: tuple[How, ...] = ("503", "504", "500", "drop", "broken_json")
    for how in hows:
        account.server.faults.plan("get_message", how, times=2)
        with pytest.raises(MailboxUnreachable):
            store.read([listed])
        account.server.faults.clear()
        store = account.store()
    assert len(store.read([listed])) == 1


def test_a_mail_that_the_server_cannot_render_keeps_back_no_other(
    account: GraphAccount, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    plain = graph_service._Operation.get_mime

    def corrupt(operation: graph_service._Operation) -> Answer:
        if operation.item().fields["subject"] == "Question 1":
            raise GraphError(500, "ErrorContentConversionFailed", "Content conversion failed.")
        return plain(operation)

    monkeypatch.setattr(graph_service._Operation, "get_mime", corrupt)
    corrupted, good = store.read(waiting(store))
    assert corrupted.raw is None
    assert values(good).subject == "Question 2"


def test_a_mail_that_the_server_stumbles_over_for_long_keeps_back_no_other(
    account: GraphAccount, store: GraphStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    plain = graph_service._Operation.get_mime

    def stumbling(operation: graph_service._Operation) -> Answer:
        if operation.item().fields["subject"] == "Question 1":
            raise GraphError(500, "ErrorInternalServerError", "An internal server error occurred.")
        return plain(operation)

    listed = waiting(store)
    with monkeypatch.context() as patched:
        patched.setattr(graph_service._Operation, "get_mime", stumbling)
        for _ in range(3):
            with pytest.raises(MailboxUnreachable):
                store.read(listed)
            clock.advance(timedelta(minutes=6))
        bad, good = store.read(listed)
    assert bad.raw is None
    assert values(good).subject == "Question 2"
    assert values(store.read(listed)[0]).subject == "Question 1"


@pytest.mark.parametrize(
    "content", [b"<html><body>Please log in.</body></html>", b"\r\nno header", b"busy\r\n\r\n"]
)
def test_what_is_no_mail_never_stands_for_one(
    account: GraphAccount,
    store: GraphStore,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
) -> None:
    listed = first(account, store)
    with monkeypatch.context() as patched:
        patched.setattr(graph_shape, "raw_of", lambda *_: content)
        with pytest.raises(MailboxUnreachable):
            store.read([listed])
    assert store.read([listed])[0].raw is not None


def test_a_rendering_of_nothing_is_told_as_unreadable(
    account: GraphAccount, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = first(account, store)
    monkeypatch.setattr(graph_shape, "raw_of", lambda *_: b"")
    assert store.read([listed])[0].raw is None


@pytest.mark.usefixtures("without_delta")
def test_without_a_delta_a_flood_within_two_minutes_hides_no_later_mail(
    account: GraphAccount, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_poll, "_MOST", 10)
    state = store.begin(Place.INBOX, LONG_AGO).state
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for number in range(30):
        received = start + timedelta(seconds=number // 3)
        account.server.deliver(DESK, raw_mail(number), received=received)
    told: list[str] = []
    for _ in range(20):
        changes = store.changes(Place.INBOX, state, 4)
        told += [one.ref for one in changes.new]
        state = changes.state
    assert (len(told), len(set(told))) == (30, 30)
    account.server.deliver(DESK, raw_mail(99), received=start + timedelta(seconds=20))
    assert len(store.changes(Place.INBOX, state, 4).new) == 1


def test_two_thousand_mails_are_begun_and_read(account: GraphAccount) -> None:
    account.server.limit_concurrency(4)
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(2_000)])
    store = account.store()
    begun_at = time.monotonic()
    listed = waiting(store)
    read_at = time.monotonic()
    mails = store.read(listed)
    begun, read = read_at - begun_at, time.monotonic() - read_at
    print(f"\n2,000 mails: begun in {begun:.1f} s, read in {read:.1f} s")  # noqa: T201
    assert len({mail.key for mail in mails}) == 2_000
    assert [values(mail).subject for mail in mails[:2]] == ["Question 0", "Question 1"]
    assert set(statuses(account)) == {200}


# Where mails lie, and what is done with them.


def test_a_mail_is_found_wherever_it_was_moved(account: GraphAccount, store: GraphStore) -> None:
    listed = first(account, store)
    for place, name in (
        (Place.HANDLED, "Handled"),
        (Place.HELD, "Held"),
        (Place.SKIPPED, "Skipped"),
        (Place.INBOX, "Inbox"),
    ):
        spot = store.locate(listed.ref, None)
        assert spot is not None
        store.move(spot, place)
        assert store.locate(listed.ref, None) == Spot(ref=listed.ref, place=place)
        assert account.server.lying(DESK, name) == [raw_mail(1)]


def test_a_mail_elsewhere_is_not_found(account: GraphAccount, store: GraphStore) -> None:
    listed = first(account, store)
    account.server.move(DESK, "question-1@customers.example", "Archive")
    assert store.locate(listed.ref, MessageId("question-1@customers.example")) is None
    store.remove([listed.ref])
    assert store.locate(listed.ref, None) is None
    assert store.locate("", None) is None


def test_moving_and_marking_what_is_gone_is_no_error(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store)
    store.remove([listed.ref])
    store.move(Spot(ref=listed.ref, place=Place.INBOX), Place.HANDLED)
    store.mark(listed.ref, Marks(seen=True))
    store.mark(listed.ref, Marks(seen=True, answered=True))
    store.remove([listed.ref])
    assert account.server.lying(DESK, "Handled") == []


def test_a_folder_that_somebody_threw_away_is_made_anew(
    account: GraphAccount, store: GraphStore, clock: FakeClock
) -> None:
    account.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    one, other = waiting(store)
    store.move(Spot(ref=one.ref, place=Place.INBOX), Place.HANDLED)
    account.throw_folder_away("Handled")
    clock.advance(timedelta(minutes=2))
    store.move(Spot(ref=other.ref, place=Place.INBOX), Place.HANDLED)
    assert store.locate(other.ref, None) == Spot(ref=other.ref, place=Place.HANDLED)
    assert store.locate(one.ref, None) is None


def test_a_folder_that_is_gone_for_good_is_made_anew_at_once(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store)
    store.leave_note(box="box-1", host="counter", beat="1")
    account.purge_folder("Appliance")
    assert store.notes() == []
    store.move(Spot(ref=listed.ref, place=Place.INBOX), Place.HELD)
    account.purge_folder("Held")
    account.server.deliver(DESK, raw_mail(2))
    (second,) = waiting(store)
    store.move(Spot(ref=second.ref, place=Place.INBOX), Place.HELD)
    assert account.server.lying(DESK, "Held") == [raw_mail(2)]


def test_folders_that_are_there_are_used_whatever_their_case(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.create_folder(DESK, "HANDLED")
    listed = first(account, store)
    store.move(Spot(ref=listed.ref, place=Place.INBOX), Place.HANDLED)
    assert account.server.lying(DESK, "HANDLED") == [raw_mail(1)]


def test_marks_are_added_and_none_is_taken_away(account: GraphAccount, store: GraphStore) -> None:
    listed = first(account, store)
    (item,) = account.server.items(DESK, "Inbox")
    item.fields["categories"] = ["Blue"]
    store.mark(listed.ref, Marks(seen=True, answered=True))
    assert item.fields["isRead"]
    assert item.fields["categories"] == ["Blue", "Mail appliance: answered"]
    assert item.properties["Integer 0x1081"] == "102"
    store.mark(listed.ref, Marks(seen=True, answered=True))
    assert item.fields["categories"] == ["Blue", "Mail appliance: answered"]


def test_an_automatic_answer_has_a_category_of_its_own(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store)
    store.mark(listed.ref, Marks(answered=True, automatic=True))
    (item,) = account.server.items(DESK, "Inbox")
    assert item.fields["categories"] == ["Mail appliance: answered automatically"]
    assert not item.fields["isRead"]


def test_a_mail_is_removed_for_good(account: GraphAccount, store: GraphStore) -> None:
    listed = first(account, store)
    store.remove([listed.ref, listed.ref])
    for folder in ("Inbox", "Deleted", "Recoverable"):
        assert account.server.lying(DESK, folder) == []


def test_where_nothing_is_removed_for_good_it_is_deleted(
    account: GraphAccount, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in national clouds, which have no permanentDelete."""
    account.server.deliver_many(DESK, [raw_mail(1), raw_mail(2)])
    listed = waiting(store)
    routes = [one for one in graph_routes._PATTERNS if "permanentDelete" not in one[1]]
    monkeypatch.setattr(graph_routes, "_PATTERNS", routes)
    store.remove([one.ref for one in listed])
    assert account.server.lying(DESK, "Inbox") == []
    assert sum(status == 400 for status in statuses(account)) == 1


def test_mails_of_a_thread_are_found_with_their_folders(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store, 1)
    account.server.deliver(DESK, raw_mail(9))
    account.server.person_sends(
        DESK,
        raw_mail(2, headers="In-Reply-To: <question-1@customers.example>\n"),
    )
    refers = "References: <question-1@customers.example> <question-2@customers.example>\n"
    account.server.deliver(DESK, raw_mail(3, headers=refers))
    store.move(Spot(ref=listed.ref, place=Place.INBOX), Place.HANDLED)
    newest = values(store.read(waiting(store))[-1])
    kin = store.kin(newest, 10)
    assert {(values(mail).subject, place) for mail, place in kin} == {
        ("Question 1", Place.HANDLED),
        ("Question 2", Place.SENT),
    }
    assert [values(mail).subject for mail, _ in store.kin(newest, 1)] == ["Question 2"]


def test_kin_is_found_where_the_mail_itself_is_gone(
    account: GraphAccount, store: GraphStore
) -> None:
    listed = first(account, store, 1)
    refers = "In-Reply-To: <question-1@customers.example>\n"
    message = mime.read(raw_mail(2, headers=refers), mailbox="desk", uid="not an id")
    assert [mail.ref for mail, _ in store.kin(message, 10)] == [listed.ref]


# Notes.


def test_notes_are_everybodys_and_say_whose(account: GraphAccount, store: GraphStore) -> None:
    assert store.notes() == []
    store.leave_note(box="box-1", host="counter", beat="1.1")
    account.store().leave_note(box="box-2", host="上海前台", beat="2.1")
    notes = store.notes()
    assert {(one.box, one.host, one.beat) for one in notes} == {
        ("box-1", "counter", "1.1"),
        ("box-2", "上海前台", "2.1"),
    }
    store.remove([one.ref for one in notes if one.box == "box-1"])
    assert [one.box for one in store.notes()] == ["box-2"]
    (item,) = account.server.items(DESK, "Appliance")
    assert "上海前台" in item.fields["subject"]
