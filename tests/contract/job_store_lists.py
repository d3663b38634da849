"""What every job store must tell: lists, counts, the ledger, filing, and what it remembers."""

from datetime import timedelta

import pytest

from appliance.domain.errors import NotFound
from appliance.domain.job import JobId, State
from appliance.domain.mail import Cursor, MessageId
from appliance.domain.ports import JobStore
from appliance.domain.verdict import Disposition
from tests.contract.job_store import LEASE, RECEIVED, SECOND, sent, to, walk
from tests.factories import finding, message
from tests.fakes import NOON, FakeClock


class Reading:
    def test_an_unknown_job_is_not_found(self, store: JobStore) -> None:
        with pytest.raises(NotFound):
            store.get(JobId(1))

    def test_the_list_is_newest_first_and_goes_on_by_key(self, store: JobStore) -> None:
        for uid in map(str, range(7)):
            store.enqueue(message(uid))
        first = store.list(limit=3)
        second = store.list(limit=3, before=first[-1].id)
        third = store.list(limit=3, before=second[-1].id)
        assert [row.id for row in (*first, *second, *third)] == [7, 6, 5, 4, 3, 2, 1]

    def test_the_list_may_be_of_some_states(self, store: JobStore) -> None:
        walk(store, message("1"), to(State.SCREENED))
        walk(store, message("2"))
        walk(store, message("3"), to(State.HELD))
        walk(store, message("4"), to(State.SCREENED))
        chosen = frozenset({State.SCREENED, State.HELD})
        assert [row.id for row in store.list(states=chosen)] == [4, 3, 1]
        assert [row.id for row in store.list(states=chosen, limit=2)] == [4, 3]
        assert [row.id for row in store.list(states=chosen, before=JobId(4))] == [3, 1]
        assert store.list(states=frozenset()) == ()

    def test_a_row_says_what_decided(self, store: JobStore, clock: FakeClock) -> None:
        job = walk(store, message())
        clock.advance(SECOND)
        hold = finding("injection", Disposition.HOLD, reason="It gives the engine orders.")
        store.claim(RECEIVED, LEASE)
        store.apply(job, to(State.HELD, findings=(finding(), hold), language="fr"), "daemon")
        (row,) = store.list()
        assert (row.mailbox, row.sender) == ("north", "li.na@customer.example")
        assert (row.subject, row.language) == ("营业时间 1", "fr")
        assert (row.disposition, row.reason) == ("hold", "It gives the engine orders.")
        assert (row.created, row.changed) == (NOON, NOON + SECOND)
        assert (row.state, row.attempts, row.revision) == (State.HELD, 0, 1)

    def test_a_row_of_an_unscreened_mail_has_no_disposition(self, store: JobStore) -> None:
        job = walk(store, message())
        assert (store.list()[0].disposition, store.list()[0].reason) == ("", "")
        store.apply(job, to(State.SCREENED, findings=()), "daemon")
        assert (store.list()[0].disposition, store.list()[0].reason) == ("pass", "")

    def test_a_row_of_a_parked_mail_says_why_it_is_parked(self, store: JobStore) -> None:
        walk(
            store,
            message(),
            to(State.SCREENED, findings=(finding(),)),
            to(State.PARKED, note="Gave up after 3 tries."),
        )
        assert store.list()[0].reason == "Gave up after 3 tries."

    def test_a_row_shows_the_attempts_of_the_present_state(self, store: JobStore) -> None:
        store.enqueue(message())
        store.claim(RECEIVED, LEASE)
        assert store.list()[0].attempts == 1

    def test_every_state_is_counted(self, store: JobStore) -> None:
        walk(store, message("1"))
        walk(store, message("2"), to(State.SCREENED))
        walk(store, message("3"), to(State.SCREENED))
        counts = store.counts()
        assert set(counts) == set(State)
        assert counts[State.RECEIVED] == 1
        assert counts[State.SCREENED] == 2
        assert counts[State.SENT] == 0

    def test_the_ledger_is_read_newest_first(self, store: JobStore) -> None:
        first = walk(store, message("1"), to(State.SCREENED))
        walk(store, message("2"), to(State.HELD))
        assert [entry.job for entry in store.entries()] == [2, 2, 1, 1]
        assert [entry.after for entry in store.entries(first.id)] == [
            State.SCREENED,
            State.RECEIVED,
        ]
        assert store.entries(first.id)[-1].before is None
        assert len(store.entries(limit=3)) == 3

    def test_a_sound_store_has_no_problems(self, store: JobStore) -> None:
        mail = message()
        walk(store, mail, *sent(mail))
        store.unreadable("north", "9", "Empty.")
        assert list(store.check()) == []


class Filing:
    def test_a_mail_is_filed_where_its_state_says(self, store: JobStore) -> None:
        mail = message("1")
        answered = walk(store, mail, *sent(mail))
        held = walk(store, message("2"), to(State.HELD))
        skipped = walk(store, message("3"), to(State.SKIPPED))
        walk(store, message("4"), to(State.SCREENED))
        assert [job.id for job in store.unfiled(10)] == [answered.id, held.id, skipped.id]
        assert [job.id for job in store.unfiled(1)] == [answered.id]
        store.filed(answered.id, Disposition.PASS)
        store.filed(held.id, Disposition.HOLD)
        store.filed(skipped.id, Disposition.STOP)
        assert store.unfiled(10) == ()

    def test_a_mail_whose_job_goes_on_comes_back(self, store: JobStore) -> None:
        job = walk(store, message(), to(State.SKIPPED))
        store.filed(job.id, Disposition.STOP)
        moved = store.apply(job, to(State.SCREENED), "mei")
        assert store.unfiled(10) == (moved,)
        store.filed(job.id, Disposition.REVIEW)
        assert store.unfiled(10) == ()

    def test_a_mail_nobody_could_read_is_filed_too(self, store: JobStore) -> None:
        number = store.unreadable("north", "9", "Empty.")
        assert [job.id for job in store.unfiled(10)] == [number]

    def test_one_mailbox_does_not_keep_another_waiting(self, store: JobStore) -> None:
        for uid in ("1", "2", "3"):
            walk(store, message(uid), to(State.HELD))
        south = walk(store, message("1", mailbox="south"), to(State.HELD))
        assert [job.id for job in store.unfiled(2)] == [1, south.id]


class Unanswered:
    """What somebody else's answer may still close."""

    def test_a_mail_is_found_by_its_id_until_it_is_answered(self, store: JobStore) -> None:
        waiting = walk(store, message("1"))
        assert store.unanswered("north", (waiting.message.id,)) == (waiting,)
        assert store.unanswered("south", (waiting.message.id,)) == ()
        assert store.unanswered("north", (MessageId("other@customers.example"),)) == ()
        assert store.unanswered("north", ()) == ()

    @pytest.mark.parametrize(
        ("state", "open_still"),
        [(State.HELD, True), (State.PARKED, True), (State.SKIPPED, False), (State.SENT, False)],
    )
    def test_what_is_closed_is_not_closed_again(
        self, store: JobStore, state: State, *, open_still: bool
    ) -> None:
        job = walk(store, message("1"), to(state))
        found = store.unanswered("north", (job.message.id,))
        assert [one.id for one in found] == ([job.id] if open_still else [])

    def test_a_mail_without_an_id_of_its_own_is_never_meant(self, store: JobStore) -> None:
        job = walk(store, message("1", id_given=False))
        assert store.unanswered("north", (job.message.id,)) == ()

    def test_a_mail_is_found_by_the_mailboxs_own_key(self, store: JobStore) -> None:
        job = walk(store, message("1"), to(State.HELD))
        assert store.find("north", job.message.uid) == job
        assert store.find("south", job.message.uid) is None
        assert store.find("north", "never") is None

    def test_a_cursor_without_a_mail_is_kept(self, store: JobStore) -> None:
        store.keep_cursor("north/sent", Cursor("7.1"))
        store.keep_cursor("north/sent", Cursor("7.2"))
        assert store.cursor("north/sent") == "7.2"
        assert store.cursor("north") is None


class Remembering:
    def test_a_repeated_command_gets_its_first_answer(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        assert store.answered("u-1") is None
        store.remember("u-1", "done")
        store.remember("u-1", "done twice")
        clock.advance(timedelta(days=6))
        assert store.answered("u-1") == "done"

    def test_old_answers_are_forgotten(self, store: JobStore, clock: FakeClock) -> None:
        store.remember("u-1", "done")
        clock.advance(timedelta(days=8))
        store.remember("u-2", "done")
        assert store.answered("u-1") is None
        assert store.answered("u-2") == "done"


class JobStoreListsContract(Reading, Filing, Unanswered, Remembering):
    """Everything a job store must tell, but for the facts (``job_store_facts``)."""
