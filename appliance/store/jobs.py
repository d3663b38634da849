"""The job store on SQLite: every method is one transaction."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import Connection

from appliance.domain.draft import Draft
from appliance.domain.errors import Conflict, OperatorError
from appliance.domain.job import Entry, Job, JobId, State, Step, Summary
from appliance.domain.mail import Address, Correspondent, Cursor, Message, MessageId
from appliance.domain.ports import Clock
from appliance.domain.verdict import Disposition, Facts
from appliance.store import checks, commands, ledger, listing, queue, rows
from appliance.store.database import Database
from appliance.store.encode import StoredUnreadable, moment
from appliance.store.facts import facts
from appliance.store.leases import Leases
from appliance.store.ledger import DAEMON


class SqliteJobStore:
    """The ``JobStore`` of one state directory; safe to call from any thread."""

    def __init__(self, database: Database, clock: Clock, stopping: frozenset[str]) -> None:
        """Use ``open``; ``database`` is closed with the store."""
        self._database = database
        self._clock = clock
        self._stopping = stopping
        self._leases = Leases(clock)
        self._claiming = threading.Lock()

    @classmethod
    def open(
        cls, directory: Path, clock: Clock, *, stopping: frozenset[str] = frozenset()
    ) -> "SqliteJobStore":
        """Own the state directory, made where it is missing (0700), and open its database (0600).

        Args:
            directory: where the database and its lock lie.
            clock: the time.
            stopping: rules whose finding ends automatic answers in the mail's thread, until a
                person acts in it (``Facts.stopped``).

        Raises:
            AlreadyRunning: another daemon owns the directory.
            OperatorError: the database is damaged, unusable, or newer than this program.
            DiskFull: there is no room.
        """
        return cls(Database(directory), clock, stopping)

    def enqueue(self, message: Message, cursor: Cursor | None = None) -> JobId | None:
        """As in the port; the cursor is stored for a known message too."""
        with self._database.writing() as connection:
            if cursor is not None:
                rows.keep_cursor(connection, message.mailbox, cursor)
            if rows.known(connection, message.mailbox, message.uid):
                return None
            now = self._clock.now()
            job = rows.insert(connection, message, State.RECEIVED, "", now)
            ledger.append(connection, _entry(job, None, State.RECEIVED, "Received.", now))
            return job

    def unreadable(self, mailbox: str, uid: str, note: str) -> JobId | None:
        """As in the port; the job's message has no id and no sender."""
        message = Message(
            mailbox=mailbox,
            uid=uid,
            id=MessageId(""),
            id_given=False,
            sender=Correspondent(name="", address=Address("")),
        )
        with self._database.writing() as connection:
            if rows.known(connection, mailbox, uid):
                return None
            now = self._clock.now()
            job = rows.insert(connection, message, State.PARKED, note, now)
            ledger.append(connection, _entry(job, None, State.PARKED, note, now))
            return job

    def cursor(self, mailbox: str) -> Cursor | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT value FROM cursor WHERE mailbox = ?", (mailbox,)
            ).fetchone()
            return None if row is None else Cursor(row[0])

    def keep_cursor(self, mailbox: str, cursor: Cursor) -> None:
        with self._database.writing() as connection:
            rows.keep_cursor(connection, mailbox, cursor)

    def unanswered(self, mailbox: str, ids: Sequence[MessageId]) -> Sequence[Job]:
        """As in the port, oldest first."""
        with self._database.reading() as connection:
            return _readable(connection, queue.unanswered(connection, mailbox, ids))

    def find(self, mailbox: str, uid: str) -> Job | None:
        """As in the port; None too where it cannot be read any more."""
        with self._database.reading() as connection:
            job = queue.by_uid(connection, mailbox, uid)
            return next(iter(_readable(connection, () if job is None else (job,))), None)

    def claim(self, states: frozenset[State], lease: timedelta) -> Job | None:
        with self._claiming:
            with self._database.writing() as connection:
                job = self._next(connection, states)
            if job is not None:
                self._leases.take(job.id, lease)
            return job

    def _next(self, connection: Connection, states: frozenset[State]) -> Job | None:
        now = self._clock.now()
        leased = self._leases.running()
        while (found := queue.oldest_due(connection, states, now, leased)) is not None:
            rows.count_attempt(connection, found)
            try:
                return rows.load(connection, found)
            except StoredUnreadable as error:
                # One row that went bad must not keep every mail behind it waiting.
                before = rows.park_unread(connection, found, str(error), now)
                entry = _entry(found, before, State.PARKED, str(error), now)
                ledger.append(connection, entry)
        return None

    def apply(self, job: Job, step: Step, actor: str) -> Job:
        """As in the port; also Conflict where the step's draft has a version that exists."""
        with self._database.writing() as connection:
            stored = _unchanged(rows.load(connection, job.id), job)
            now = self._clock.now()
            moved = stored.moved(step, now)
            entry = ledger.append(
                connection,
                Entry(
                    at=now,
                    job=job.id,
                    before=stored.state,
                    after=moved.state,
                    actor=actor,
                    note=step.note,
                ),
            )
            if step.draft is not None:
                rows.add_draft(connection, stored, step.draft)
            if step.reply is not None and step.reply != stored.reply:
                rows.add_reply(connection, stored, step.reply, entry)
            rows.move(connection, moved, step.note)
            if any(finding.rule in self._stopping for finding in step.findings or ()):
                connection.execute("UPDATE job SET stopped_by = ? WHERE id = ?", (entry, job.id))
        self._leases.end(job.id)
        return moved

    def postpone(self, job: Job, until: datetime, note: str, *, counted: bool = True) -> Job:
        """As in the port; the ledger gets a line where the note is a new one.

        Raises:
            Conflict: somebody else moved the job meanwhile.
        """
        with self._database.writing() as connection:
            stored = _unchanged(rows.load(connection, job.id), job)
            given_back = not counted and self._leases.held(job.id)
            connection.execute(
                "UPDATE job SET due = ?, attempts = attempts - ? WHERE id = ?",
                (moment(until), given_back, job.id),
            )
            if note != ledger.last_note(connection, job.id):
                ledger.append(
                    connection, _entry(job.id, stored.state, stored.state, note, self._clock.now())
                )
            postponed = rows.load(connection, job.id)
        self._leases.end(job.id)
        return postponed

    def release(self, job: Job) -> None:
        self._leases.end(job.id)

    def get(self, job: JobId) -> Job:
        with self._database.reading() as connection:
            return rows.load(connection, job)

    def list(
        self,
        *,
        states: frozenset[State] | None = None,
        before: JobId | None = None,
        limit: int = 200,
    ) -> Sequence[Summary]:
        with self._database.reading() as connection:
            return listing.newest(connection, states, before, limit)

    def counts(self) -> Mapping[State, int]:
        """Every state with its number of jobs, 0 included."""
        with self._database.reading() as connection:
            found = connection.execute("SELECT state, count(*) FROM job GROUP BY state")
            return dict.fromkeys(State, 0) | {State(state): count for state, count in found}

    def drafts(self, job: JobId) -> Sequence[Draft]:
        """Every version, oldest first."""
        with self._database.reading() as connection:
            return rows.drafts(connection, job)

    def entries(self, job: JobId | None = None, limit: int = 200) -> Sequence[Entry]:
        with self._database.reading() as connection:
            return ledger.entries(connection, job, limit)

    def facts(self, message: Message) -> Facts:
        with self._database.reading() as connection:
            return facts(connection, message, self._clock.now())

    def unfiled(self, limit: int) -> Sequence[Job]:
        """As in the port, the oldest of every mailbox first."""
        with self._database.reading() as connection:
            return _readable(connection, queue.unfiled(connection, limit))

    def filed(self, job: JobId, disposition: Disposition) -> None:
        with self._database.writing() as connection:
            connection.execute("UPDATE job SET lies = ? WHERE id = ?", (disposition, job))

    def answered(self, uuid: str) -> str | None:
        with self._database.reading() as connection:
            return commands.answered(connection, uuid)

    def remember(self, uuid: str, answer: str) -> None:
        """Store the answer for a week; the first answer to a UUID stays."""
        with self._database.writing() as connection:
            commands.remember(connection, uuid, answer, self._clock.now())

    def check(self) -> Iterable[str]:
        try:
            with self._database.reading() as connection:
                return tuple(checks.problems(connection))
        except OperatorError as error:
            # Too damaged to be searched.
            return (str(error),)

    def close(self) -> None:
        """Give the directory up; later calls raise TransientError."""
        self._database.close()


def _readable(connection: Connection, found: Iterable[JobId]) -> tuple[Job, ...]:
    """Without what cannot be read, of which ``check`` tells: it must not stop the others."""
    jobs = []
    for job in found:
        with suppress(StoredUnreadable):
            jobs.append(rows.load(connection, job))
    return tuple(jobs)


def _unchanged(stored: Job, seen: Job) -> Job:
    if stored.revision != seen.revision:
        raise Conflict(f"Mail {seen.id} has changed meanwhile: it is {stored.state} now.")
    return stored


def _entry(job: JobId, before: State | None, after: State, note: str, now: datetime) -> Entry:
    return Entry(at=now, job=job, before=before, after=after, actor=DAEMON, note=note)
