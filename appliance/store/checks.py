"""Looks for what should not be in the database."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from appliance.domain.job import JobId
from appliance.store import rows
from appliance.store.encode import StoredUnreadable

_DISAGREEING: Final = """
SELECT job.id, job.state, (SELECT after FROM entry WHERE job = job.id ORDER BY id DESC LIMIT 1)
FROM job
WHERE state IS NOT (
    SELECT after FROM entry WHERE entry.job = job.id ORDER BY entry.id DESC LIMIT 1
)
"""

_WITHOUT_MESSAGE: Final = """
SELECT id FROM job WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.job = job.id)
"""

_WITHOUT_REPLY: Final = """
SELECT id FROM job WHERE state IN ('approved', 'sending') AND reply IS NULL
"""

_LOST_DRAFT: Final = """
SELECT id FROM job WHERE draft IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM draft WHERE draft.job = job.id AND draft.version = job.draft
)
"""


def problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Every problem found, one sentence each; quotes no mail."""
    for (said,) in connection.execute("PRAGMA quick_check"):
        if said != "ok":
            yield f"The database file is damaged: {said}."
    for table, _, target, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"A row of the table {table} refers to a row of {target} that does not exist."
    for job, state, last in connection.execute(_DISAGREEING):
        yield f"Mail {job} is {state}, but its ledger ends with {last or 'nothing'}."
    for (job,) in connection.execute(_WITHOUT_MESSAGE):
        yield f"Mail {job} has no message."
    for (job,) in connection.execute(_WITHOUT_REPLY):
        yield f"Mail {job} is to be sent but has no reply."
    for (job,) in connection.execute(_LOST_DRAFT):
        yield f"The newest draft for mail {job} is missing."
    yield from _unreadable(connection)


def _unreadable(connection: sqlite3.Connection) -> Iterator[str]:
    for (job,) in connection.execute("SELECT job FROM message").fetchall():
        try:
            rows.load(connection, JobId(job))
            rows.drafts(connection, JobId(job))
        except StoredUnreadable:
            yield f"What is stored about mail {job} cannot be read."
