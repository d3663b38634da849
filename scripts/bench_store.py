"""How long the store takes with many mails in it: ``python -m scripts.bench_store [MAILS]``.

Writes a database of fictional mails into a temporary directory (``TMPDIR`` chooses the disk) and
prints, in milliseconds, the median and the slowest of repeated calls.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from appliance.domain.job import State, Step
from appliance.domain.mail import MessageId
from appliance.store.database import FILE
from appliance.store.filing import filing
from appliance.store.jobs import SqliteJobStore
from tests.factories import correspondent, draft, finding, message, reply
from tests.fakes import FakeClock

_LEASE = timedelta(minutes=10)
_FAR = timedelta(days=1)
_REPEATS = 200
_TEXT = "您好，我的订单还没有收到，请问什么时候发货？ Where is my order, please? " * 40
_ALL = frozenset(State)


def fill(store: SqliteJobStore, clock: FakeClock, mails: int) -> None:
    """A third waits, a third was answered, a third was left alone; threads of three mails."""
    for number in range(mails):
        mail = message(
            str(number),
            id=MessageId(f"{number}@customer.example"),
            in_reply_to=MessageId(f"{number - number % 3}@customer.example"),
            sender=correspondent(f"customer{number // 3 % 900}@customer.example"),
            text=_TEXT,
        )
        job_id = store.enqueue(mail)
        assert job_id is not None
        clock.advance(timedelta(minutes=1))
        for step in steps(number, store):
            store.apply(store.get(job_id), step, "daemon")
        if number % 50:
            store.filed(job_id, filing(store.get(job_id).state))


def steps(number: int, store: SqliteJobStore) -> tuple[Step, ...]:
    """What happened to the mail of this number."""
    found = (finding(), replace(finding(), rule="reply_to_elsewhere"))
    if number % 3 == 0:
        return ()
    if number % 3 == 1:
        return (Step(to=State.SKIPPED, note="A newsletter.", findings=found),)
    answer = reply(store.get(store.list(limit=1)[0].id).message)
    return (
        Step(to=State.SCREENED, note="Screened.", findings=found, language="zh-Hans"),
        Step(to=State.DRAFTED, note="Drafted.", draft=draft(text=_TEXT)),
        Step(to=State.APPROVED, note="Approved.", reply=answer),
        Step(to=State.SENDING, note="Sending."),
        Step(to=State.SENT, note="Sent."),
    )


def measure(name: str, call: Callable[[], object], repeats: int = _REPEATS) -> None:
    """Print the median and the slowest of ``repeats`` calls."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    print(f"{name:32} median {statistics.median(taken):8.3f} ms   slowest {max(taken):8.3f} ms")


def bench(store: SqliteJobStore, clock: FakeClock, mails: int) -> None:
    """Every call of the daily round."""
    measure("list, newest 200", store.list)
    measure("list, newest 200 of one state", lambda: store.list(states=frozenset({State.SENT})))
    measure("list, every mail", lambda: store.list(limit=mails), 10)
    measure("counts", store.counts)
    measure("claim, nothing due", lambda: store.claim(frozenset({State.DRAFTED}), _LEASE))
    measure("claim", lambda: store.claim(_ALL, _LEASE))
    waiting = iter(store.list(states=frozenset({State.RECEIVED}), limit=_REPEATS))

    def apply() -> None:
        job = store.get(next(waiting).id)
        store.apply(job, Step(to=State.SCREENED, note="Screened."), "daemon")

    measure("get and apply", apply, min(_REPEATS, mails // 4))
    messages = iter([store.get(row.id).message for row in store.list(limit=_REPEATS)])
    measure("facts", lambda: store.facts(next(messages)), min(_REPEATS, mails))
    fresh = iter(range(mails, mails + _REPEATS))
    measure("enqueue", lambda: store.enqueue(message(str(next(fresh)), text=_TEXT)))
    measure("unfiled, 50", lambda: store.unfiled(50))
    measure("check", lambda: tuple(store.check()), 1)
    clock.advance(_FAR)


def main() -> None:
    """Fill, measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("mails", nargs="?", type=int, default=10_000)
    mails = asked.parse_args().mails
    clock = FakeClock()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "state"
        store = SqliteJobStore.open(directory, clock)
        begun = time.perf_counter()
        fill(store, clock, mails)
        took = time.perf_counter() - begun
        size = (directory / FILE).stat().st_size / 1_000_000
        print(f"{mails} mails written in {took:.0f} s, {size:.0f} MB")
        bench(store, clock, mails)
        store.close()


if __name__ == "__main__":
    main()
