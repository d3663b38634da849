"""Lists of jobs, newest first, read from their columns alone."""

import heapq
import sqlite3
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from appliance.domain.job import JobId, State, Summary
from appliance.store.encode import when

_NEWEST: Final = """
SELECT id, state, mailbox, sender, subject, language, disposition, reason, created, changed,
    attempts, revision
FROM job WHERE id < :below ORDER BY id DESC LIMIT :limit
"""

# One descent of the index a state; a single IN would sort every job of the states asked for.
_NEWEST_IN: Final = """
SELECT id, state, mailbox, sender, subject, language, disposition, reason, created, changed,
    attempts, revision
FROM job WHERE state = :state AND id < :below ORDER BY id DESC LIMIT :limit
"""

_BEYOND_EVERY_ID: Final = 2**63 - 1


def newest(
    connection: sqlite3.Connection,
    states: frozenset[State] | None,
    before: JobId | None,
    limit: int,
) -> Sequence[Summary]:
    """At most ``limit`` rows with ids below ``before``, in one of ``states`` (None: in any)."""
    asked = {"below": _BEYOND_EVERY_ID if before is None else before, "limit": limit}
    if states is None:
        found = connection.execute(_NEWEST, asked).fetchall()
    else:
        found = [
            row
            for state in states
            for row in connection.execute(_NEWEST_IN, {**asked, "state": state})
        ]
        found = heapq.nlargest(limit, found, key=itemgetter(0))
    return tuple(_summary(row) for row in found)


def _summary(row: Sequence[Any]) -> Summary:
    return Summary(
        id=JobId(row[0]),
        state=State(row[1]),
        mailbox=row[2],
        sender=row[3],
        subject=row[4],
        language=row[5],
        disposition=row[6],
        reason=row[7],
        created=when(row[8]),
        changed=when(row[9]),
        attempts=row[10],
        revision=row[11],
    )
