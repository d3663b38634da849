"""What every job store must know about a message's surroundings."""

from datetime import timedelta
from typing import Any

import pytest

from appliance.domain.job import State
from appliance.domain.mail import Message, MessageId
from appliance.domain.ports import JobStore
from appliance.domain.verdict import Facts, Finding
from tests.contract.job_store import approved, sent, to, walk
from tests.factories import correspondent, draft, finding, message, reply
from tests.fakes import NOON, FakeClock

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def follow_up(uid: str, *parents: Message | MessageId, **changes: Any) -> Message:
    """A later mail of the same sender that refers to ``parents``."""
    ids = tuple(parent.id if isinstance(parent, Message) else parent for parent in parents)
    values: dict[str, Any] = {"in_reply_to": ids[-1], "references": ids, "date": NOON}
    return message(uid, **(values | changes))


def stopping() -> Finding:
    return finding("ticket_acknowledgement")


class Copies:
    def test_a_first_mail_is_nothing_special(self, store: JobStore) -> None:
        mail = message()
        assert store.facts(mail) == Facts()
        store.enqueue(mail)
        assert store.facts(mail) == Facts()

    def test_the_same_message_id_again_is_a_duplicate(self, store: JobStore) -> None:
        first = message("1")
        second = message("2", id=first.id)
        store.enqueue(first)
        assert store.facts(second).duplicate
        store.enqueue(second)
        assert store.facts(second).duplicate
        assert not store.facts(first).duplicate
        assert not store.facts(first).superseded

    def test_the_same_text_of_the_same_sender_is_a_duplicate(self, store: JobStore) -> None:
        first = message("1", digest="same")
        second = message("2", digest="same", date=NOON + timedelta(days=6))
        store.enqueue(first)
        store.enqueue(second)
        assert store.facts(second).duplicate
        assert not store.facts(first).duplicate

    @pytest.mark.parametrize(
        "changes",
        [
            {"date": NOON + timedelta(days=8)},
            {"sender": correspondent("wang@customer.example")},
            {"mailbox": "south"},
            {"digest": "other"},
        ],
    )
    def test_the_same_text_is_no_duplicate_when(
        self, store: JobStore, changes: dict[str, Any]
    ) -> None:
        store.enqueue(message("1", digest="same"))
        second = message("2", **({"digest": "same"} | changes))
        store.enqueue(second)
        assert not store.facts(second).duplicate

    def test_mails_without_a_digest_are_no_duplicates(self, store: JobStore) -> None:
        store.enqueue(message("1", digest=""))
        assert not store.facts(message("2", digest="")).duplicate

    def test_a_message_id_that_was_made_up_here_proves_nothing(self, store: JobStore) -> None:
        made_up = MessageId("same@digest")
        store.enqueue(message("1", id=made_up, id_given=False, digest="same"))
        later = message(
            "2", id=made_up, id_given=False, digest="same", date=NOON + timedelta(days=30)
        )
        assert not store.facts(later).duplicate

    def test_a_mail_that_carries_our_own_message_id_is_ours(self, store: JobStore) -> None:
        mail = message("1")
        walk(store, mail, *sent(mail))
        ours = reply(mail).id
        assert store.facts(message("2", id=ours)).own
        assert store.facts(message("2", id=ours, mailbox="south")).own
        assert not store.facts(mail).own


class Threads:
    def test_a_newer_mail_of_the_thread_supersedes_an_older(self, store: JobStore) -> None:
        first = message("1")
        second = follow_up("2", first)
        store.enqueue(first)
        store.enqueue(second)
        assert store.facts(first).superseded
        assert not store.facts(second).superseded

    def test_order_of_arrival_does_not_matter(self, store: JobStore) -> None:
        first = message("1")
        second = follow_up("2", first)
        store.enqueue(second)
        store.enqueue(first)
        assert store.facts(first).superseded
        assert not store.facts(second).superseded

    def test_a_mail_that_came_last_ties_two_threads_together(self, store: JobStore) -> None:
        first = message("1", date=NOON - 2 * HOUR)
        third = follow_up("3", MessageId("2@customer.example"))
        store.enqueue(first)
        store.enqueue(third)
        assert not store.facts(first).superseded
        store.enqueue(follow_up("2", first, date=NOON - HOUR))
        assert store.facts(first).superseded
        assert not store.facts(third).superseded

    def test_siblings_of_a_mail_nobody_has_are_one_thread(self, store: JobStore) -> None:
        missing = MessageId("missing@customer.example")
        first = follow_up("1", missing, date=NOON - HOUR)
        store.enqueue(first)
        store.enqueue(follow_up("2", missing))
        assert store.facts(first).superseded

    def test_an_answer_to_our_reply_belongs_to_the_thread(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        assert store.facts(follow_up("2", reply(first).id)).thread_answers == 1

    def test_very_many_references_are_followed_from_both_ends(self, store: JobStore) -> None:
        first = message("1")
        store.enqueue(first)
        strangers = tuple(MessageId(f"{n}@elsewhere.example") for n in range(2000))
        store.enqueue(follow_up("2", first, *strangers))
        assert store.facts(first).superseded

    @pytest.mark.parametrize(
        "changes",
        [
            {"sender": correspondent("wang@customer.example")},
            {"date": NOON - DAY},
            {"headers": (("auto-submitted", "auto-replied"),)},
            {"headers": (("precedence", "Bulk"),)},
            {"headers": (("x-autoreply", "yes"),)},
            {"media_type": "multipart/report"},
            {"mailbox": "south"},
        ],
    )
    def test_a_mail_is_not_superseded_by_one_that(
        self, store: JobStore, changes: dict[str, Any]
    ) -> None:
        first = message("1")
        store.enqueue(first)
        store.enqueue(follow_up("2", first, **changes))
        assert not store.facts(first).superseded

    def test_a_mail_that_says_a_person_wrote_it_supersedes(self, store: JobStore) -> None:
        first = message("1")
        store.enqueue(first)
        store.enqueue(follow_up("2", first, headers=(("auto-submitted", "No"),)))
        assert store.facts(first).superseded

    @pytest.mark.parametrize("state", [State.SKIPPED, State.PARKED])
    def test_a_newer_mail_nobody_answers_supersedes_nothing(
        self, store: JobStore, state: State
    ) -> None:
        first = message("1")
        store.enqueue(first)
        walk(store, follow_up("2", first), to(state))
        assert not store.facts(first).superseded

    def test_a_copy_in_the_thread_supersedes_nothing(self, store: JobStore) -> None:
        first = message("1", digest="same")
        store.enqueue(first)
        store.enqueue(follow_up("2", first, digest="same"))
        assert not store.facts(first).superseded


class Answers:
    def test_automatic_answers_in_the_thread_are_counted(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        second = follow_up("2", first)
        walk(store, second, *approved(second))
        third = follow_up("3", second)
        assert store.facts(third).thread_answers == 2
        assert store.facts(second).thread_answers == 1
        assert store.facts(message("9")).thread_answers == 0

    def test_answers_a_person_approved_do_not_count(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first, automatic=False))
        facts = store.facts(follow_up("2", first))
        assert (facts.thread_answers, facts.answers_last_hour) == (0, 0)
        assert facts.seconds_since_answer == 0.0

    def test_an_act_of_a_person_in_the_thread_begins_a_new_count(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        second = follow_up("2", first)
        job = walk(store, second, to(State.HELD))
        third = follow_up("3", second)
        assert store.facts(third).thread_answers == 1
        store.apply(job, to(State.SCREENED), "mei")
        assert store.facts(third).thread_answers == 0
        fourth = follow_up("4", second)
        walk(store, fourth, *sent(fourth))
        assert store.facts(third).thread_answers == 1

    def test_a_person_elsewhere_does_not_begin_a_new_count(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        walk(store, message("8"), to(State.HELD), actor="mei")
        assert store.facts(follow_up("2", first)).thread_answers == 1

    def test_an_answer_that_was_taken_back_does_not_count(self, store: JobStore) -> None:
        first = message("1")
        job = walk(store, first, *approved(first))
        later = follow_up("2", first)
        assert store.facts(later).thread_answers == 1
        store.apply(job, to(State.DRAFTED), "daemon")
        facts = store.facts(later)
        assert (facts.thread_answers, facts.answers_last_hour) == (0, 0)

    def test_an_answer_in_doubt_counts(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *approved(first), to(State.SENDING), to(State.HELD, uncertain=True))
        facts = store.facts(follow_up("2", first))
        assert (facts.thread_answers, facts.sender_answers_today) == (1, 1)

    def test_answers_to_the_sender_are_counted_for_a_day(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        for uid in ("1", "2"):
            walk(store, message(uid), *sent(message(uid)))
        stranger = message("3", sender=correspondent("wang@customer.example"))
        walk(store, stranger, *sent(stranger))
        assert store.facts(message("9")).sender_answers_today == 2
        assert store.facts(message("9")).answers_last_hour == 3
        clock.advance(DAY - SECOND)
        assert store.facts(message("9")).sender_answers_today == 2
        assert store.facts(message("9")).answers_last_hour == 0
        clock.advance(SECOND)
        assert store.facts(message("9")).sender_answers_today == 0

    def test_an_answer_to_another_address_of_the_sender_counts(self, store: JobStore) -> None:
        other = message("1", sender=correspondent("wang@customer.example"))
        walk(store, other, *sent(other, recipient="li.na@customer.example"))
        assert store.facts(message("9")).sender_answers_today == 1

    def test_another_mailbox_has_its_own_count(self, store: JobStore) -> None:
        walk(store, message("1"), *sent(message("1")))
        assert store.facts(message("9", mailbox="south")).answers_last_hour == 0

    def test_what_waits_to_leave_counts_for_the_hour(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        walk(store, message("1"), *approved(message("1")))
        clock.advance(3 * HOUR)
        assert store.facts(message("9")).answers_last_hour == 1

    def test_a_mail_does_not_count_its_own_answer(self, store: JobStore) -> None:
        mail = message("1")
        walk(store, mail, *approved(mail))
        assert store.facts(mail) == Facts()

    def test_the_age_of_our_last_answer_is_known(self, store: JobStore, clock: FakeClock) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        clock.advance(90 * SECOND)
        second = follow_up("2", reply(first).id)
        assert store.facts(second).seconds_since_answer == 90.0
        store.enqueue(second)
        clock.advance(HOUR)
        assert store.facts(second).seconds_since_answer == 90.0
        assert store.facts(message("9")).seconds_since_answer is None

    def test_an_answer_that_left_after_the_mail_came_is_none(
        self, store: JobStore, clock: FakeClock
    ) -> None:
        first = message("1")
        job = walk(store, first, *approved(first))
        second = follow_up("2", first)
        store.enqueue(second)
        clock.advance(SECOND)
        job = store.apply(job, to(State.SENDING), "daemon")
        store.apply(job, to(State.SENT), "daemon")
        assert store.facts(second).seconds_since_answer is None

    def test_an_answer_to_an_automatic_answer_is_known(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        ours = reply(first).id
        assert store.facts(follow_up("2", ours)).answers_automatic
        assert store.facts(follow_up("2", first, ours, in_reply_to=None)).answers_automatic
        assert not store.facts(follow_up("2", ours, first)).answers_automatic
        assert not store.facts(first).answers_automatic

    def test_an_answer_to_what_a_person_approved_is_not_to_a_machine(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first, automatic=False))
        assert not store.facts(follow_up("2", reply(first).id)).answers_automatic


class Stopping:
    def test_a_person_who_rejects_stops_the_thread(self, store: JobStore) -> None:
        first = message("1")
        job = walk(store, first, to(State.HELD))
        assert not store.facts(follow_up("2", first)).stopped
        store.apply(job, to(State.REJECTED), "mei")
        assert store.facts(follow_up("2", first)).stopped
        assert not store.facts(message("9")).stopped

    def test_a_later_act_of_a_person_lets_the_thread_go_on(self, store: JobStore) -> None:
        first = message("1")
        job = walk(store, first, to(State.HELD))
        job = store.apply(job, to(State.REJECTED), "mei")
        store.apply(job, to(State.SCREENED), "mei")
        assert not store.facts(follow_up("2", first)).stopped

    def test_a_stopping_rule_stops_the_thread_until_a_person_acts(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, *sent(first))
        second = follow_up("2", reply(first).id)
        job = walk(store, second, to(State.SKIPPED, findings=(stopping(),)))
        third = follow_up("3", first)
        assert store.facts(third).stopped
        store.apply(job, to(State.SCREENED, findings=()), "mei")
        assert not store.facts(third).stopped

    def test_other_rules_stop_nothing(self, store: JobStore) -> None:
        first = message("1")
        walk(store, first, to(State.SCREENED, findings=(finding(),)))
        assert not store.facts(follow_up("2", first)).stopped

    def test_a_redone_draft_keeps_the_thread_stopped(self, store: JobStore) -> None:
        first = message("1")
        job = walk(store, first, to(State.HELD, findings=(stopping(),)))
        store.apply(job, to(State.DRAFTED, draft=draft()), "daemon")
        assert store.facts(follow_up("2", first)).stopped


class JobStoreFactsContract(Copies, Threads, Answers, Stopping):
    """Everything a job store must know about a message's surroundings."""
