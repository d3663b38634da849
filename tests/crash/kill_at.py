"""The real command line, except that it kills itself once at one point.

Usage: kill_at.py POINT MARKER appliance-arguments…
POINT is ``before:STATE`` or ``after:STATE``: the transaction that moves a job there. The kill happens
only while the file MARKER does not exist; it is made just before.
"""

import os
import signal
import sys
from pathlib import Path

from appliance.cli.app import run
from appliance.domain.job import Job, JobId, State, Step
from appliance.domain.mail import Cursor, Message
from appliance.store.jobs import SqliteJobStore

POINT, STATE = sys.argv[1].split(":")
MARKER = Path(sys.argv[2])
_apply = SqliteJobStore.apply
_enqueue = SqliteJobStore.enqueue


def _die(point: str, state: State) -> None:
    if point == POINT and state == STATE and not MARKER.exists():
        MARKER.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _apply_and_die(store: SqliteJobStore, job: Job, step: Step, actor: str) -> Job:
    _die("before", step.to)
    moved = _apply(store, job, step, actor)
    _die("after", step.to)
    return moved


def _enqueue_and_die(
    store: SqliteJobStore, message: Message, cursor: Cursor | None = None
) -> JobId | None:
    _die("before", State.RECEIVED)
    job = _enqueue(store, message, cursor)
    _die("after", State.RECEIVED)
    return job


if __name__ == "__main__":
    SqliteJobStore.apply = _apply_and_die  # type: ignore[assignment, method-assign]
    SqliteJobStore.enqueue = _enqueue_and_die  # type: ignore[assignment, method-assign]
    sys.exit(run(sys.argv[3:]))
