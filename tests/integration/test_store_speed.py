"""No daily question to the store reads every mail: SQLite's own plans say so, not a clock."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.domain.job import State, Step
from appliance.domain.verdict import Disposition
from appliance.store.database import FILE
from appliance.store.jobs import SqliteJobStore
from tests.factories import message
from tests.fakes import FakeClock

LEASE = timedelta(minutes=10)
LIVE = frozenset({State.RECEIVED, State.SCREENED})
Call = Callable[[SqliteJobStore], object]
QUESTIONS: dict[str, Call] = {
    "list": lambda store: store.list(limit=5),
    "list of states": lambda store: store.list(states=LIVE, limit=5),
    "claim": lambda store: store.claim(LIVE, LEASE),
    "get": lambda store: store.get(store.list(limit=1)[0].id),
    "apply": lambda store: store.apply(
        store.get(store.list(states=LIVE, limit=1)[0].id),
        Step(to=State.HELD, note="Held."),
        "mei",
    ),
    "postpone": lambda store: store.postpone(
        store.get(store.list(limit=1)[0].id), FakeClock().now(), "Busy."
    ),
    "enqueue": lambda store: store.enqueue(message(uuid4().hex, in_reply_to="7@customer.example")),
    "facts": lambda store: store.facts(message("7", in_reply_to="8@customer.example")),
    "unfiled": lambda store: store.unfiled(5),
    "filed": lambda store: store.filed(store.list(limit=1)[0].id, Disposition.REVIEW),
    "entries": lambda store: store.entries(limit=5),
    "entries of a job": lambda store: store.entries(store.list(limit=1)[0].id),
    "drafts": lambda store: store.drafts(store.list(limit=1)[0].id),
    "counts": lambda store: store.counts(),
    "cursor": lambda store: store.cursor("north"),
    "answered": lambda store: store.answered("u-1"),
    "remember": lambda store: store.remember("u-1", "done"),
}
# Read from one end, as many rows as asked for; or walked through an index that is no table.
BOUNDED = re.compile(r"SCAN (job|entry)")
NARROW = re.compile(r"SCAN job USING (COVERING )?INDEX (job_state|job_unfiled)")
TABLE = re.compile(r"SCAN (job|message|link|draft|reply|entry|cursor|command)\b")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteJobStore]:
    store = SqliteJobStore.open(tmp_path, FakeClock())
    # What is counted here is work, so the disk need not be waited for.
    store._database._writer.execute("PRAGMA synchronous = OFF")
    for number in range(30):
        job = store.enqueue(message(str(number)))
        assert job is not None
        if number % 2:
            store.apply(store.get(job), Step(to=State.SCREENED, note="Screened."), "daemon")
    yield store
    store.close()


def plans(store: SqliteJobStore, path: Path, call: Call) -> dict[str, list[str]]:
    """Every statement the call ran, with SQLite's plan for it."""
    statements: list[str] = []
    connections = (store._database._writer, store._database._reader)
    for connection in connections:
        connection.set_trace_callback(statements.append)
    call(store)
    for connection in connections:
        connection.set_trace_callback(None)
    with sqlite3.connect(path / FILE) as other:
        return {
            statement: [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {statement}")]
            for statement in statements
            if statement.split()[0] in {"SELECT", "UPDATE", "INSERT", "DELETE"}
        }


def work(store: SqliteJobStore, call: Call) -> int:
    """Instructions of SQLite's machine that the call took, in tens."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connections = (store._database._writer, store._database._reader)
    for connection in connections:
        connection.set_progress_handler(count, 10)
    call(store)
    for connection in connections:
        connection.set_progress_handler(None, 0)
    return steps


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_reads_a_whole_table(
    store: SqliteJobStore, tmp_path: Path, question: str
) -> None:
    found = plans(store, tmp_path, QUESTIONS[question])
    assert found
    for statement, plan in found.items():
        for line in filter(TABLE.match, plan):
            bounded = BOUNDED.fullmatch(line) and "LIMIT" in statement
            assert bounded or NARROW.fullmatch(line), (statement, line)


@pytest.mark.parametrize(
    "question", ["list", "list of states", "claim", "apply", "postpone", "enqueue", "facts"]
)
def test_the_work_of_a_question_does_not_grow_with_the_mails(
    store: SqliteJobStore, question: str
) -> None:
    few = work(store, QUESTIONS[question])
    for number in range(1000, 2500):
        job = store.enqueue(message(str(number)))
        assert job is not None
        if number % 2:
            store.apply(store.get(job), Step(to=State.SCREENED, note="Screened."), "daemon")
    assert work(store, QUESTIONS[question]) < 1.5 * few


def test_a_claim_walks_the_index_of_what_is_due(store: SqliteJobStore, tmp_path: Path) -> None:
    found = plans(store, tmp_path, QUESTIONS["claim"])
    due = [plan for statement, plan in found.items() if "due <=" in statement]
    assert due
    assert all("USING COVERING INDEX job_due (state=? AND due<?)" in plan[0] for plan in due)
    assert not any("TEMP B-TREE" in line for plan in due for line in plan)
