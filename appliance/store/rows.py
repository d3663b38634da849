"""Jobs and what belongs to them, to rows and back."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from appliance.domain.draft import Draft, Reply
from appliance.domain.errors import Conflict, NotFound
from appliance.domain.job import Job, JobId, State
from appliance.domain.mail import Cursor, Message
from appliance.domain.verdict import Finding
from appliance.store import columns, threads
from appliance.store.encode import body, moment, read, when
from appliance.store.filing import filing

_NEW_JOB: Final = """
INSERT INTO job (
    mailbox, uid, thread, message_id, message_id_given, digest, sender, subject, machine, dated,
    state, revision, attempts, created, changed, due, language, instruction, uncertain,
    disposition, reason, answered, recipient, lies, belongs, findings
) VALUES (
    :mailbox, :uid, :thread, :message_id, :message_id_given, :digest, :sender, :subject, :machine,
    :dated, :state, 0, 0, :now, :now, :now, '', '', 0, '', :reason, '', '', 1, :belongs, '[]'
)
"""

_JOB: Final = """
SELECT job.id, message.body, state, revision, attempts, created, changed, due, findings,
    draft.body, reply.body, language, instruction, uncertain
FROM job
JOIN message ON message.job = job.id
LEFT JOIN draft ON draft.job = job.id AND draft.version = job.draft
LEFT JOIN reply ON reply.id = job.reply
WHERE job.id = ?
"""

_MOVE: Final = """
UPDATE job SET state = :state, revision = :revision, attempts = :attempts, changed = :changed,
    due = :due, language = :language, instruction = :instruction, uncertain = :uncertain,
    disposition = :disposition, reason = :reason, draft = :draft, answered = :answered,
    recipient = :recipient, belongs = :belongs, findings = :findings
WHERE id = :id
"""

# It stays where it lies: nobody can tell the mailbox which mail it is.
_PARK: Final = """
UPDATE job SET state = 'parked', revision = revision + 1, attempts = 0, changed = :now, due = :now,
    reason = :reason, belongs = lies
WHERE id = :id
"""


def known(connection: sqlite3.Connection, mailbox: str, uid: str) -> bool:
    """Whether a mail of this mailbox is stored already."""
    row = connection.execute("SELECT 1 FROM job WHERE mailbox = ? AND uid = ?", (mailbox, uid))
    return row.fetchone() is not None


def keep_cursor(connection: sqlite3.Connection, mailbox: str, cursor: Cursor) -> None:
    """Store how far a mailbox was read."""
    connection.execute(
        "INSERT INTO cursor (mailbox, value) VALUES (?, ?) "
        "ON CONFLICT (mailbox) DO UPDATE SET value = excluded.value",
        (mailbox, cursor),
    )


def insert(
    connection: sqlite3.Connection, message: Message, state: State, reason: str, now: datetime
) -> JobId:
    """Add a message nobody knows yet, and link it to its thread."""
    text = body(message)
    ids = threads.ids_of(message)
    cursor = connection.execute(
        _NEW_JOB,
        {
            "mailbox": message.mailbox,
            "uid": message.uid,
            "thread": threads.link(connection, message.mailbox, ids, None),
            "message_id": message.id,
            "message_id_given": message.id_given,
            "digest": message.digest,
            "sender": message.sender.address,
            "subject": message.subject,
            "machine": columns.says_machine(message),
            "dated": moment(message.date or now),
            "state": state,
            "now": moment(now),
            "reason": reason,
            "belongs": filing(state),
        },
    )
    assert cursor.lastrowid is not None
    connection.execute("INSERT INTO message (job, body) VALUES (?, ?)", (cursor.lastrowid, text))
    return JobId(cursor.lastrowid)


def load(connection: sqlite3.Connection, job: JobId) -> Job:
    """The job with its message, newest draft and newest reply.

    Raises:
        NotFound: there is no such job.
        StoredUnreadable: what is stored about it went bad.
    """
    row = connection.execute(_JOB, (job,)).fetchone()
    if row is None:
        raise NotFound(f"There is no mail {job}.")
    return Job(
        id=JobId(row[0]),
        message=read(row[1], Message),
        state=State(row[2]),
        revision=row[3],
        attempts=row[4],
        created=when(row[5]),
        changed=when(row[6]),
        due=when(row[7]),
        findings=read(row[8], tuple[Finding, ...]),
        draft=None if row[9] is None else read(row[9], Draft),
        reply=None if row[10] is None else read(row[10], Reply),
        language=row[11],
        instruction=row[12],
        uncertain=bool(row[13]),
    )


def count_attempt(connection: sqlite3.Connection, job: JobId) -> None:
    """Count one more attempt at the job's present state."""
    connection.execute("UPDATE job SET attempts = attempts + 1 WHERE id = ?", (job,))


def park_unread(connection: sqlite3.Connection, job: JobId, reason: str, now: datetime) -> State:
    """Park a job that ``load`` cannot read; returns the state it was in."""
    (before,) = connection.execute("SELECT state FROM job WHERE id = ?", (job,)).fetchone()
    connection.execute(_PARK, {"id": job, "reason": reason, "now": moment(now)})
    return State(before)


def move(connection: sqlite3.Connection, job: Job, note: str) -> None:
    """Store the job as it is after a step that said ``note``."""
    connection.execute(
        _MOVE,
        {
            "id": job.id,
            "state": job.state,
            "revision": job.revision,
            "attempts": job.attempts,
            "changed": moment(job.changed),
            "due": moment(job.due),
            "language": job.language,
            "instruction": job.instruction,
            "uncertain": job.uncertain,
            "disposition": columns.disposition(job),
            "reason": columns.reason(job, note),
            "draft": None if job.draft is None else job.draft.version,
            "answered": columns.answered(job),
            "recipient": "" if job.reply is None else job.reply.recipient,
            "belongs": filing(job.state),
            "findings": body(job.findings),
        },
    )


def add_draft(connection: sqlite3.Connection, job: Job, draft: Draft) -> None:
    """Keep a further version of the job's draft.

    Raises:
        Conflict: its version is not newer than the newest.
    """
    if job.draft is not None and draft.version <= job.draft.version:
        raise Conflict(f"Version {draft.version} of the draft for mail {job.id} exists already.")
    connection.execute(
        "INSERT INTO draft (job, version, body) VALUES (?, ?, ?)",
        (job.id, draft.version, body(draft)),
    )


def add_reply(connection: sqlite3.Connection, job: Job, reply: Reply, entry: int) -> None:
    """Keep a further reply of the job, recorded in the ledger by ``entry``, and link its thread."""
    cursor = connection.execute(
        "INSERT INTO reply (job, entry, message_id, automatic, body) VALUES (?, ?, ?, ?, ?)",
        (job.id, entry, reply.id, reply.automatic, body(reply)),
    )
    connection.execute("UPDATE job SET reply = ? WHERE id = ?", (cursor.lastrowid, job.id))
    (thread,) = connection.execute("SELECT thread FROM job WHERE id = ?", (job.id,)).fetchone()
    threads.link(connection, job.message.mailbox, (reply.id,), thread)


def drafts(connection: sqlite3.Connection, job: JobId) -> Sequence[Draft]:
    """Every version, oldest first."""
    rows = connection.execute("SELECT body FROM draft WHERE job = ? ORDER BY version", (job,))
    return tuple(read(text, Draft) for (text,) in rows)
