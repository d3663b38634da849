"""The append-only record of every step, and of every switch a person turned."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from appliance.domain.job import Entry, JobId, State
from appliance.store.encode import moment, when

DAEMON: Final = "daemon"
"""The actor of what no person did; the partial index ``entry_person`` knows it by this name."""


_ALL: Final = """
SELECT at, job, before, after, actor, note FROM entry ORDER BY id DESC LIMIT :limit
"""
_OF_JOB: Final = """
SELECT at, job, before, after, actor, note FROM entry WHERE job = :job ORDER BY id DESC LIMIT :limit
"""


def append(connection: sqlite3.Connection, entry: Entry) -> int:
    """Write the entry; returns its number, which grows with every entry."""
    row = (moment(entry.at), entry.job, entry.before, entry.after, entry.actor, entry.note)
    cursor = connection.execute(
        "INSERT INTO entry (at, job, before, after, actor, note) VALUES (?, ?, ?, ?, ?, ?)", row
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def entries(connection: sqlite3.Connection, job: JobId | None, limit: int) -> Sequence[Entry]:
    """The newest entries, of one job or of all, newest first."""
    rows = connection.execute(_ALL if job is None else _OF_JOB, {"job": job, "limit": limit})
    return tuple(
        Entry(
            at=when(at),
            job=JobId(job_id),
            before=None if before is None else State(before),
            after=State(after),
            actor=actor,
            note=note,
        )
        for at, job_id, before, after, actor, note in rows
    )


def last_note(connection: sqlite3.Connection, job: JobId) -> str:
    """What the newest entry of the job says."""
    newest = entries(connection, job, 1)
    return newest[0].note if newest else ""
