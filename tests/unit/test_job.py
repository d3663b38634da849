"""The one table of states, and what a step changes."""

from datetime import timedelta

import pytest

from appliance.domain.errors import IllegalTransition
from appliance.domain.job import NEXT, State, Step
from appliance.domain.verdict import Disposition
from appliance.store.filing import filing
from tests.factories import draft, finding, job, reply
from tests.fakes import NOON

LATER = NOON + timedelta(minutes=3)

# Written out once more, so that a slip in the table is seen here.
ALLOWED = {
    "received": "screened skipped held sent parked",
    "screened": "drafted skipped held rejected sent parked",
    "drafted": "drafted screened approved held skipped rejected sent parked",
    "approved": "sending drafted held sent parked",
    "sending": "sent approved held parked",
    "sent": "",
    "skipped": "screened",
    "held": "screened drafted approved sent rejected skipped parked",
    "rejected": "screened",
    "parked": "received rejected skipped sent",
}
EVERY_PAIR = [(before, after) for before in State for after in State]


@pytest.mark.parametrize(("before", "after"), EVERY_PAIR)
def test_a_job_moves_only_as_the_table_says(before: State, after: State) -> None:
    step = Step(to=after, note="Moved.")
    if after in ALLOWED[before].split():
        assert job(before).moved(step, LATER).state is after
    else:
        with pytest.raises(IllegalTransition):
            job(before).moved(step, LATER)


def test_every_state_stands_in_the_table() -> None:
    assert set(NEXT) == set(State)


def test_nothing_leaves_without_having_been_approved_or_resolved_by_a_person() -> None:
    assert [state for state in State if State.SENDING in NEXT[state]] == [State.APPROVED]


def test_a_person_may_have_answered_anything_that_was_not_ours_to_close() -> None:
    closed = {State.SENT, State.SKIPPED, State.REJECTED}
    assert {state for state in State if State.SENT in NEXT[state]} == set(State) - closed


def test_what_was_sent_stays_sent() -> None:
    assert NEXT[State.SENT] == frozenset()


@pytest.mark.parametrize("state", [state for state in State if state is not State.SENT])
def test_every_other_state_has_a_way_on(state: State) -> None:
    assert NEXT[state]


def test_a_step_counts_the_revision_and_forgets_the_attempts() -> None:
    before = job(State.SCREENED, revision=4, attempts=2, language="en")
    moved = before.moved(Step(to=State.DRAFTED, note="Drafted.", draft=draft()), LATER)
    assert (moved.revision, moved.attempts) == (5, 0)
    assert (moved.changed, moved.due, moved.created) == (LATER, LATER, NOON)
    assert moved.draft == draft()
    assert moved.language == "en"
    assert before.state is State.SCREENED


def test_a_step_may_ask_for_a_later_hour() -> None:
    due = LATER + timedelta(hours=1)
    moved = job(State.DRAFTED).moved(Step(to=State.APPROVED, note="Later.", due=due), LATER)
    assert (moved.changed, moved.due) == (LATER, due)


def test_what_a_step_leaves_unsaid_stays() -> None:
    before = job(
        State.DRAFTED,
        findings=(finding(),),
        draft=draft(),
        reply=reply(),
        language="de",
        instruction="Kürzer.",
        uncertain=True,
    )
    moved = before.moved(Step(to=State.HELD, note="Held."), LATER)
    assert moved.findings == before.findings
    assert moved.draft == before.draft
    assert moved.reply == before.reply
    assert (moved.language, moved.instruction, moved.uncertain) == ("de", "Kürzer.", True)


def test_a_step_may_empty_what_was_said() -> None:
    before = job(State.HELD, findings=(finding(),), instruction="Kürzer.", uncertain=True)
    step = Step(to=State.SCREENED, note="Again.", findings=(), instruction="", uncertain=False)
    moved = before.moved(step, LATER)
    assert (moved.findings, moved.instruction, moved.uncertain) == ((), "", False)


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (State.SENT, Disposition.PASS),
        (State.REJECTED, Disposition.PASS),
        (State.HELD, Disposition.HOLD),
        (State.PARKED, Disposition.HOLD),
        (State.SKIPPED, Disposition.STOP),
        (State.RECEIVED, Disposition.REVIEW),
        (State.SCREENED, Disposition.REVIEW),
        (State.DRAFTED, Disposition.REVIEW),
        (State.APPROVED, Disposition.REVIEW),
        (State.SENDING, Disposition.REVIEW),
    ],
)
def test_a_mail_lies_where_its_state_says(state: State, place: Disposition) -> None:
    assert filing(state) is place
