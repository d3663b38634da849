"""Which jobs come next: to be worked on, to be filed."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from appliance.domain.job import JobId, State
from appliance.domain.mail import MessageId
from appliance.store.columns import listed
from appliance.store.encode import moment

_DUE: Final = """
SELECT due, id FROM job WHERE state = ? AND due <= ?
    AND id NOT IN (SELECT value FROM json_each(?))
ORDER BY due, id LIMIT 1
"""

# Mailboxes take turns, so that one which does not answer never keeps the others waiting.
_UNFILED: Final = """
SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY mailbox ORDER BY id) AS turn
    FROM job WHERE lies <> belongs
) ORDER BY turn, id LIMIT ?
"""


# Of these nothing of ours has left, so an answer of somebody else's is news.
_UNANSWERED: Final = """
SELECT id FROM job WHERE mailbox = ? AND message_id IN (SELECT value FROM json_each(?))
    AND message_id_given AND state NOT IN ('sending', 'sent', 'skipped', 'rejected')
ORDER BY id
"""


def unanswered(
    connection: sqlite3.Connection, mailbox: str, ids: Iterable[MessageId]
) -> Sequence[JobId]:
    """Jobs of mails with one of these ids that nothing of ours has answered, oldest first."""
    found = connection.execute(_UNANSWERED, (mailbox, listed(ids)))
    return tuple(JobId(job) for (job,) in found)


def by_uid(connection: sqlite3.Connection, mailbox: str, uid: str) -> JobId | None:
    """The job of a mail by the mailbox's own key."""
    row = connection.execute(
        "SELECT id FROM job WHERE mailbox = ? AND uid = ?", (mailbox, uid)
    ).fetchone()
    return None if row is None else JobId(row[0])


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


def unfiled(connection: sqlite3.Connection, limit: int) -> Sequence[JobId]:
    """Jobs whose mail lies elsewhere than its state wants, the mailboxes in turn."""
    return tuple(JobId(job) for (job,) in connection.execute(_UNFILED, (limit,)))
