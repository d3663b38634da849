"""Which jobs come next: to be worked on, to be listed, to be filed."""

import heapq
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from appliance.domain.job import JobId, State
from appliance.store.columns import listed
from appliance.store.encode import moment

_DUE: Final = """
SELECT due, id FROM job WHERE state = ? AND due <= ?
    AND id NOT IN (SELECT value FROM json_each(?))
ORDER BY due, id LIMIT 1
"""

_NEWEST: Final = "SELECT id FROM job WHERE id < ? ORDER BY id DESC LIMIT ?"
_NEWEST_IN: Final = "SELECT id FROM job WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?"

# Mailboxes take turns, so that one which does not answer never keeps the others waiting.
_UNFILED: Final = """
SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY mailbox ORDER BY id) AS turn
    FROM job WHERE lies <> belongs
) ORDER BY turn, id LIMIT ?
"""

_BEYOND_EVERY_ID: Final = 2**63 - 1


def oldest_due(
    connection: sqlite3.Connection,
    states: Iterable[State],
    now: datetime,
    leased: Collection[JobId],
) -> JobId | None:
    """The job in one of ``states`` that has been due longest and that nobody works on."""
    busy = listed(leased)
    found = (connection.execute(_DUE, (state, moment(now), busy)).fetchone() for state in states)
    oldest = min((row for row in found if row is not None), default=None)
    return None if oldest is None else JobId(oldest[1])


def newest(
    connection: sqlite3.Connection,
    states: frozenset[State] | None,
    before: JobId | None,
    limit: int,
) -> Sequence[JobId]:
    """Ids below ``before`` in one of ``states`` (None: in any), at most ``limit``."""
    below = _BEYOND_EVERY_ID if before is None else before
    if states is None:
        rows = connection.execute(_NEWEST, (below, limit)).fetchall()
    else:
        rows = [
            row for state in states for row in connection.execute(_NEWEST_IN, (state, below, limit))
        ]
    return heapq.nlargest(limit, (JobId(job) for (job,) in rows))


def unfiled(connection: sqlite3.Connection, limit: int) -> Sequence[JobId]:
    """Jobs whose mail lies elsewhere than its state wants, the mailboxes in turn."""
    return tuple(JobId(job) for (job,) in connection.execute(_UNFILED, (limit,)))
