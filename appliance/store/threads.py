"""Which messages belong together, whatever order they come in.

Every Message-ID that is known or referred to belongs to one thread of its mailbox; a message that
refers to several threads makes them one (RFC 5322 §3.6.4).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from appliance.domain.mail import Message, MessageId
from appliance.store.columns import listed

_REFERENCES: Final = 100
"""So many references of a mail are followed: the first, which began the thread, and the last."""


def ids_of(message: Message) -> tuple[MessageId, ...]:
    """Every Message-ID that ties the message to others, each once, its own first."""
    references = message.references
    if len(references) > _REFERENCES:
        references = (references[0], *references[1 - _REFERENCES :])
    parent = () if message.in_reply_to is None else (message.in_reply_to,)
    return tuple(dict.fromkeys(known for known in (message.id, *parent, *references) if known))


def find(connection: sqlite3.Connection, mailbox: str, ids: Iterable[MessageId]) -> tuple[int, ...]:
    """The threads that know one of ``ids``, oldest first."""
    rows = connection.execute(
        "SELECT DISTINCT thread FROM link WHERE mailbox = ? "
        "AND message_id IN (SELECT value FROM json_each(?)) ORDER BY thread",
        (mailbox, listed(ids)),
    )
    return tuple(thread for (thread,) in rows)


def begin(connection: sqlite3.Connection) -> int:
    """The number of a thread nobody belongs to yet."""
    (newest,) = connection.execute("SELECT coalesce(max(thread), 0) FROM job").fetchone()
    return int(newest) + 1


def link(
    connection: sqlite3.Connection, mailbox: str, ids: Sequence[MessageId], thread: int | None
) -> int:
    """Put ``ids`` into one thread, joining those that know them; returns the thread.

    Args:
        connection: in a writing transaction.
        mailbox: the scope: two mailboxes may know the same id.
        ids: what belongs together.
        thread: a thread they belong to for certain, or None.
    """
    known = {*find(connection, mailbox, ids), *(() if thread is None else (thread,))}
    kept = min(known) if known else begin(connection)
    for absorbed in known - {kept}:
        connection.execute("UPDATE link SET thread = ? WHERE thread = ?", (kept, absorbed))
        connection.execute("UPDATE job SET thread = ? WHERE thread = ?", (kept, absorbed))
    connection.executemany(
        "INSERT INTO link (mailbox, message_id, thread) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(mailbox, message_id, kept) for message_id in ids],
    )
    return kept
