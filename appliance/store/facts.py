"""What the store knows about a message's surroundings when it is screened."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from appliance.domain.job import JobId, State
from appliance.domain.mail import Message
from appliance.domain.verdict import Facts
from appliance.store import threads
from appliance.store.columns import listed
from appliance.store.encode import moment

SAME_TEXT: Final = timedelta(days=7)
"""A mail of the same text is the same mail within this time; later it is asked again."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

_DUPLICATE: Final = """
SELECT EXISTS (
    SELECT 1 FROM job WHERE mailbox = :mailbox AND message_id = :message_id AND :message_id_given
        AND message_id_given AND id < :job
) OR EXISTS (
    SELECT 1 FROM job WHERE mailbox = :mailbox AND digest = :digest AND :digest <> ''
        AND sender = :sender AND abs(dated - :dated) <= :same_text AND id < :job
)
"""

# A copy of the message does not supersede it (one of the two would answer for both), nor does what
# no person wrote: otherwise an out-of-office notice would swallow the question before it.
_SUPERSEDED: Final = """
SELECT EXISTS (
    SELECT 1 FROM job WHERE thread IN (SELECT value FROM json_each(:threads))
        AND sender = :sender AND (dated > :dated OR (dated = :dated AND id > :job))
        AND id <> :job AND message_id <> :message_id
        AND NOT (digest = :digest AND :digest <> '' AND abs(dated - :dated) <= :same_text)
        AND NOT machine AND state NOT IN ('skipped', 'parked')
)
"""

_OWN: Final = "SELECT EXISTS (SELECT 1 FROM reply WHERE message_id = :message_id)"

_ANSWERS_AUTOMATIC: Final = """
SELECT automatic FROM reply WHERE message_id = :parent ORDER BY id DESC LIMIT 1
"""

# What is about to leave counts as if it had left, however long it has been waiting.
_LATELY: Final = """
SELECT
    count(*) FILTER (WHERE sender = :sender OR recipient = :sender),
    count(*) FILTER (WHERE changed > :hour_ago OR state IN ('approved', 'sending'))
FROM job
WHERE mailbox = :mailbox AND answered = 'automatic' AND changed > :day_ago AND id <> :job
"""

_LAST_PERSON: Final = """
SELECT entry.id, entry.after FROM job JOIN entry ON entry.job = job.id
WHERE job.thread IN (SELECT value FROM json_each(:threads)) AND entry.actor <> 'daemon'
ORDER BY entry.id DESC LIMIT 1
"""

_IN_THREAD: Final = """
SELECT
    count(*) FILTER (WHERE answered = 'automatic' AND reply.entry > :person AND job.id <> :job),
    max(changed) FILTER (
        WHERE answered <> '' AND state <> 'approved' AND changed <= :came AND job.id <> :job
    ),
    coalesce(max(stopped_by), 0) > :person
FROM job LEFT JOIN reply ON reply.id = job.reply
WHERE thread IN (SELECT value FROM json_each(:threads))
"""

_NOT_STORED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _InThread:
    answers: int
    seconds_since_answer: float | None
    stopped: bool


def facts(connection: sqlite3.Connection, message: Message, now: datetime) -> Facts:
    """The facts about a message, stored or not yet."""
    asked = _arguments(connection, message, now)
    in_thread = _thread(connection, asked)
    sender_answers, hour_answers = connection.execute(_LATELY, asked).fetchone()
    return Facts(
        duplicate=_true(connection, _DUPLICATE, asked),
        superseded=_true(connection, _SUPERSEDED, asked),
        own=_true(connection, _OWN, asked),
        thread_answers=in_thread.answers,
        sender_answers_today=sender_answers,
        answers_last_hour=hour_answers,
        seconds_since_answer=in_thread.seconds_since_answer,
        answers_automatic=_true(connection, _ANSWERS_AUTOMATIC, asked),
        stopped=in_thread.stopped,
    )


def _arguments(
    connection: sqlite3.Connection, message: Message, now: datetime
) -> dict[str, str | int]:
    row = connection.execute(
        "SELECT id, created FROM job WHERE mailbox = ? AND uid = ?", (message.mailbox, message.uid)
    ).fetchone()
    job, came = row or (_NOT_STORED, moment(now))
    known = threads.find(connection, message.mailbox, threads.ids_of(message))
    parent = message.in_reply_to or next(reversed(message.references), "")
    return {
        "mailbox": message.mailbox,
        "job": JobId(job),
        "came": came,
        "message_id": message.id,
        "message_id_given": message.id_given,
        "digest": message.digest,
        "sender": message.sender.address,
        "dated": came if message.date is None else moment(message.date),
        "threads": listed(known),
        "parent": parent,
        "same_text": SAME_TEXT // timedelta(microseconds=1),
        "hour_ago": moment(now - _HOUR),
        "day_ago": moment(now - _DAY),
    }


def _thread(connection: sqlite3.Connection, asked: dict[str, str | int]) -> _InThread:
    person, decided = connection.execute(_LAST_PERSON, asked).fetchone() or (0, "")
    answers, last, stopped = connection.execute(_IN_THREAD, {**asked, "person": person}).fetchone()
    return _InThread(
        answers=answers,
        seconds_since_answer=None if last is None else (int(asked["came"]) - last) / 1_000_000,
        # A person who rejected an answer here wants no machine to try again.
        stopped=bool(stopped) or decided == State.REJECTED,
    )


def _true(connection: sqlite3.Connection, question: str, asked: dict[str, str | int]) -> bool:
    row: tuple[Any, ...] | None = connection.execute(question, asked).fetchone()
    return row is not None and bool(row[0])
