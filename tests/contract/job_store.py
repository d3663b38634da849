"""What every job store must do; each form of it inherits these tests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.domain.draft import ENGINE
from appliance.domain.errors import Conflict, IllegalTransition
from appliance.domain.job import Job, JobId, State, Step
from appliance.domain.mail import Cursor, Message
from appliance.domain.ports import JobStore
from appliance.domain.verdict import Disposition
from tests.factories import attachment, completion, correspondent, draft, finding, message, reply
from tests.fakes import NOON, FakeClock

LEASE = timedelta(minutes=10)
SECOND = timedelta(seconds=1)
RECEIVED = frozenset({State.RECEIVED})
STOPPING = frozenset({"ticket_acknowledgement"})

Walk = Callable[..., Job]


def walk(store: JobStore, mail: Message, *steps: Step, actor: str = "daemon") -> Job:
    """Enqueue a message and lead it through the steps."""
    number = store.enqueue(mail)
    assert number is not None
    job = store.get(number)
    for step in steps:
        job = store.apply(job, step, actor)
    return job


def to(state: State, **changes: object) -> Step:
    return replace(Step(to=state, note=f"To {state}."), **changes)  # type: ignore[arg-type]


def approved(mail: Message, **changes: object) -> tuple[Step, ...]:
    """The steps that bring a mail to APPROVED with a reply."""
    answer = reply(mail, **changes)
    return (
        to(State.SCREENED, language="zh-Hans", findings=()),
        to(State.DRAFTED, draft=draft()),
        to(State.APPROVED, reply=answer),
    )


def sent(mail: Message, **changes: object) -> tuple[Step, ...]:
    """The steps that answer a mail, by the machine unless told otherwise."""
    return (*approved(mail, **changes), to(State.SENDING), to(State.SENT))


class TakingMailIn:
    def test_a_new_mail_is_received_and_kept_whole(self, store: JobStore, clock: FakeClock) -> None:
        mail = message(
            reply_to=(correspondent("desk@customer.example"),),
            references=("a@customer.example", "b@customer.example"),
            in_reply_to="b@customer.example",
            hidden=("invisible",),
            oddities=("bidi",),
            attachments=(attachment(),),
            quoted="> 原文\x00\u2028",
        )
        number = store.enqueue(mail)
        assert number is not None
        job = store.get(number)
        assert job.message == mail
        assert (job.state, job.revision, job.attempts) == (State.RECEIVED, 0, 0)
        assert job.created == job.changed == job.due == clock.now()
        assert job.findings == ()
        assert job.draft is None
        assert job.reply is None

    def test_the_same_mail_is_taken_once(self, store: JobStore) -> None:
        assert store.enqueue(message("1")) is not None
        assert store.enqueue(message("1", subject="again")) is None
        assert sum(store.counts().values()) == 1

    def test_the_same_uid_in_another_mailbox_is_another_mail(self, store: JobStore) -> None:
        assert store.enqueue(message("1")) is not None
        assert store.enqueue(message("1", mailbox="south")) is not None

    def test_a_mail_without_a_date_is_taken(self, store: JobStore) -> None:
        number = store.enqueue(message(date=None))
        assert number is not None
        assert store.get(number).message.date is None

    def test_the_cursor_is_kept_for_each_mailbox(self, store: JobStore) -> None:
        assert store.cursor("north") is None
        store.enqueue(message("1"), Cursor("17"))
        store.enqueue(message("1"), Cursor("18"))
        store.enqueue(message("2"))
        store.enqueue(message("1", mailbox="south"), Cursor("3"))
        assert store.cursor("north") == "18"
        assert store.cursor("south") == "3"

    def test_a_mail_nobody_could_read_is_parked_once(self, store: JobStore) -> None:
        number = store.unreadable("north", "9", "The mail has no headers.")
        assert number is not None
        job = store.get(number)
        assert job.state is State.PARKED
        assert (job.message.mailbox, job.message.uid) == ("north", "9")
        assert job.message.sender.address == ""
        assert store.unreadable("north", "9", "Again.") is None
        assert store.enqueue(message("9")) is None
        assert [entry.note for entry in store.entries(number)] == ["The mail has no headers."]
        assert store.list()[0].reason == "The mail has no headers."

    def test_two_unreadable_mails_are_no_copies_of_each_other(self, store: JobStore) -> None:
        first = store.unreadable("north", "8", "Empty.")
        second = store.unreadable("north", "9", "Empty.")
        assert first is not None
        assert second is not None
        facts = store.facts(store.get(second).message)
        assert not facts.duplicate
        assert not facts.superseded
        assert not facts.own


class Claiming:
    def test_nothing_is_claimed_from_an_empty_store(self, store: JobStore) -> None:
        assert store.claim(frozenset(State), LEASE) is None

    def test_the_oldest_due_job_is_claimed_first(self, store: JobStore, clock: FakeClock) -> None:
        for uid in ("1", "2", "3"):
            store.enqueue(message(uid))
            clock.advance(SECOND)
        claimed = [store.claim(RECEIVED, LEASE) for _ in range(4)]
        assert [job and job.message.uid for job in claimed] == ["1", "2", "3", None]

    def test_the_oldest_is_found_across_states(self, store: JobStore, clock: FakeClock) -> None:
        walk(store, message("1"))
        clock.advance(SECOND)
        walk(store, message("2"), to(State.SCREENED))
        clock.advance(SECOND)
        both = frozenset({State.SCREENED, State.RECEIVED})
        first, second = store.claim(both, LEASE), store.claim(both, LEASE)
        assert first is not None
        assert second is not None
        assert (first.message.uid, second.message.uid) == ("1", "2")

    def test_only_the_states_asked_for_are_claimed(self, store: JobStore) -> None:
        walk(store, message("1"), to(State.SCREENED))
        assert store.claim(RECEIVED, LEASE) is None
        assert store.claim(frozenset(), LEASE) is None
        assert store.claim(frozenset({State.SCREENED}), LEASE) is not None

    def test_a_claim_counts_the_attempt(self, store: JobStore) -> None:
        number = store.enqueue(message())
        assert number is not None
        claimed = store.claim(RECEIVED, LEASE)
        assert claimed is not None
        assert claimed.attempts == 1
        assert store.get(number).attempts == 1
        assert claimed == store.get(number)

    def test_a_lease_that_ran_out_may_be_taken_by_another(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        store.enqueue(message())
        store.claim(RECEIVED, LEASE)
        clock.advance(LEASE - SECOND)
        assert store.claim(RECEIVED, LEASE) is None
        clock.advance(SECOND)
        again = store.claim(RECEIVED, LEASE)
        assert again is not None
        assert again.attempts == 2

    def test_a_lease_can_be_ended_without_a_trace(self, store: JobStore) -> None:
        store.enqueue(message())
        claimed = store.claim(RECEIVED, LEASE)
        assert claimed is not None
        written = store.entries(claimed.id)
        store.release(claimed)
        assert store.entries(claimed.id) == written
        assert store.claim(RECEIVED, LEASE) is not None

    def test_a_clock_that_is_set_ends_no_lease(self, store: JobStore, clock: FakeClock) -> None:
        store.enqueue(message())
        store.claim(RECEIVED, LEASE)
        clock.set_by_hand(NOON + timedelta(days=400))
        assert store.claim(RECEIVED, LEASE) is None

    def test_a_job_is_not_claimed_before_it_is_due(self, store: JobStore, clock: FakeClock) -> None:
        walk(store, message(), to(State.SCREENED, due=NOON + SECOND))
        screened = frozenset({State.SCREENED})
        assert store.claim(screened, LEASE) is None
        clock.advance(SECOND)
        assert store.claim(screened, LEASE) is not None


class Applying:
    def test_a_step_changes_state_artefact_and_ledger_together(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        job = walk(store, message(), to(State.SCREENED, language="zh-Hans"))
        clock.advance(SECOND)
        found = (
            finding(),
            finding("unsupported_amount", Disposition.HOLD, span=(3, 9), reason="金额无依据。"),
        )
        moved = store.apply(
            job, to(State.DRAFTED, note="Drafted in 41 s.", draft=draft(), findings=found), "daemon"
        )
        assert moved == store.get(job.id)
        assert moved.state is State.DRAFTED
        assert moved.revision == job.revision + 1
        assert moved.changed == clock.now()
        assert moved.findings == found
        assert moved.draft == draft()
        assert moved.language == "zh-Hans"
        newest = store.entries(job.id)[0]
        assert newest.note == "Drafted in 41 s."
        assert (newest.before, newest.after) == (State.SCREENED, State.DRAFTED)
        assert (newest.at, newest.actor) == (clock.now(), "daemon")

    def test_a_step_of_somebody_who_saw_an_older_job_is_refused(self, store: JobStore) -> None:
        seen = walk(store, message())
        store.apply(seen, to(State.SCREENED), "daemon")
        before = store.entries()
        with pytest.raises(Conflict):
            store.apply(seen, to(State.HELD), "mei")
        assert store.get(seen.id).state is State.SCREENED
        assert store.entries() == before

    def test_a_step_the_table_does_not_know_is_refused_whole(self, store: JobStore) -> None:
        job = walk(store, message())
        before = store.entries()
        with pytest.raises(IllegalTransition):
            store.apply(job, to(State.SENDING, reply=reply(), draft=draft()), "daemon")
        assert store.get(job.id) == job
        assert store.entries() == before
        assert store.drafts(job.id) == ()

    def test_a_claim_does_not_make_a_persons_step_a_conflict(self, store: JobStore) -> None:
        seen = walk(store, message(), to(State.SCREENED))
        claimed = store.claim(frozenset({State.SCREENED}), LEASE)
        assert claimed is not None
        store.apply(seen, to(State.REJECTED), "mei")
        with pytest.raises(Conflict):
            store.apply(claimed, to(State.DRAFTED, draft=draft()), "daemon")

    def test_a_step_ends_the_lease_and_begins_to_count_anew(self, store: JobStore) -> None:
        store.enqueue(message())
        claimed = store.claim(RECEIVED, LEASE)
        assert claimed is not None
        assert store.apply(claimed, to(State.SCREENED), "daemon").attempts == 0
        again = store.claim(frozenset({State.SCREENED}), LEASE)
        assert again is not None
        assert again.attempts == 1

    def test_what_a_step_leaves_unsaid_stays(self, store: JobStore) -> None:
        job = walk(
            store,
            message(),
            to(State.SCREENED, language="de", instruction="Kürzer.", findings=(finding(),)),
            to(State.DRAFTED, draft=draft()),
        )
        held = store.apply(job, to(State.HELD), "mei")
        assert held.findings == (finding(),)
        assert held.draft == draft()
        assert (held.language, held.instruction) == ("de", "Kürzer.")
        cleared = store.apply(held, to(State.SCREENED, findings=(), instruction=""), "mei")
        assert cleared.findings == ()
        assert cleared.instruction == ""
        assert store.get(job.id) == cleared

    def test_doubt_is_kept_until_a_person_resolves_it(self, store: JobStore) -> None:
        mail = message()
        job = walk(store, mail, *approved(mail), to(State.SENDING))
        held = store.apply(job, to(State.HELD, uncertain=True, note="Nobody knows."), "daemon")
        assert store.get(job.id).uncertain
        assert store.list()[0].reason == "Nobody knows."
        assert not store.apply(held, to(State.SENT, uncertain=False), "mei").uncertain

    def test_every_version_of_a_draft_is_kept(self, store: JobStore) -> None:
        job = walk(store, message(), to(State.SCREENED), to(State.DRAFTED, draft=draft(1)))
        edited = draft(2, author="mei", text="九点开门。", completion=None, passages=())
        job = store.apply(job, to(State.DRAFTED, draft=edited), "mei")
        assert job.draft == edited
        assert store.drafts(job.id) == (draft(1), edited)
        assert [version.author for version in store.drafts(job.id)] == [ENGINE, "mei"]
        assert store.get(job.id).draft == edited

    def test_a_version_is_never_written_over(self, store: JobStore) -> None:
        job = walk(store, message(), to(State.SCREENED), to(State.DRAFTED, draft=draft(1)))
        other = draft(1, text="Another.", completion=completion("Another."))
        with pytest.raises(Conflict):
            store.apply(job, to(State.DRAFTED, draft=other), "daemon")
        assert store.get(job.id) == job
        assert len(store.entries(job.id)) == 3

    def test_the_newest_reply_is_the_jobs_reply(self, store: JobStore) -> None:
        mail = message()
        job = walk(store, mail, *approved(mail))
        assert store.get(job.id).reply == reply(mail)
        job = store.apply(job, to(State.DRAFTED, note="Undone."), "mei")
        second = reply(mail, automatic=False, headers=(), text="Nine o'clock.")
        job = store.apply(job, to(State.APPROVED, reply=second), "mei")
        assert store.get(job.id).reply == second
        assert store.apply(job, to(State.SENDING, reply=second), "daemon").reply == second

    def test_drafts_of_an_unknown_job_are_none(self, store: JobStore) -> None:
        assert store.drafts(JobId(77)) == ()


class Postponing:
    def test_a_postponed_job_comes_back_when_it_is_due(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        store.enqueue(message())
        claimed = store.claim(RECEIVED, LEASE)
        assert claimed is not None
        given = store.postpone(claimed, NOON + 5 * SECOND, "The mailbox is busy.")
        assert given == store.get(claimed.id)
        assert (given.attempts, given.revision) == (1, claimed.revision)
        assert store.claim(RECEIVED, LEASE) is None
        clock.advance(5 * SECOND)
        again = store.claim(RECEIVED, LEASE)
        assert again is not None
        assert again.attempts == 2

    def test_an_attempt_that_does_not_count_is_given_back_once(self, store: JobStore) -> None:
        store.enqueue(message())
        claimed = store.claim(RECEIVED, LEASE)
        assert claimed is not None
        assert store.postpone(claimed, NOON, "Paused.", counted=False).attempts == 0
        store.claim(RECEIVED, LEASE)
        store.postpone(claimed, NOON, "Busy.")
        assert store.postpone(claimed, NOON, "Busy.", counted=False).attempts == 1

    def test_postponing_is_told_once_however_often_it_happens(self, store: JobStore) -> None:
        job = walk(store, message())
        for note in ("Busy.", "Busy.", "Refused.", "Busy."):
            store.postpone(job, NOON, note)
        entries = store.entries(job.id)
        assert [entry.note for entry in entries] == ["Busy.", "Refused.", "Busy.", "Received."]
        assert {entry.after for entry in entries} == {State.RECEIVED}

    def test_a_job_that_a_person_moved_cannot_be_given_back(self, store: JobStore) -> None:
        walk(store, message(), to(State.SCREENED))
        claimed = store.claim(frozenset({State.SCREENED}), LEASE)
        assert claimed is not None
        store.apply(claimed, to(State.REJECTED), "mei")
        with pytest.raises(Conflict):
            store.postpone(claimed, NOON, "Paused.", counted=False)


class JobStoreContract(TakingMailIn, Claiming, Applying, Postponing):
    """How a job store leads a mail through its states."""
