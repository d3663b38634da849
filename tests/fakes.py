"""Clocks and ports for tests: they keep the contract of the real ones, without a disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from appliance.domain.draft import Draft, Reply
from appliance.domain.errors import Conflict, NotFound
from appliance.domain.job import Entry, Job, JobId, State, Step, Summary
from appliance.domain.mail import Address, Correspondent, Cursor, Message, MessageId
from appliance.domain.verdict import Disposition, Facts
from appliance.store.columns import answered, disposition, reason, says_machine
from appliance.store.filing import filing

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_WEEK = timedelta(days=7)


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._steady = 1000.0

    def now(self) -> datetime:
        return self._now

    def steady(self) -> float:
        return self._steady

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        self._now += step
        self._steady += step.total_seconds()

    def set_by_hand(self, now: datetime) -> None:
        """Set the time of day, as a board does that finds a time server; no time passes."""
        self._now = now


@dataclass(slots=True)
class _Row:
    job: Job
    note: str
    lies: Disposition = Disposition.REVIEW
    drafts: list[Draft] = field(default_factory=list)
    reply_number: int = 0
    stopped_by: int = 0


class MemoryJobStore:
    """A ``JobStore`` in dictionaries: slow, plain, and forgetful at the end of the test."""

    def __init__(self, clock: FakeClock, *, stopping: frozenset[str] = frozenset()) -> None:
        self._clock = clock
        self._stopping = stopping
        self._rows: dict[JobId, _Row] = {}
        self._ledger: list[Entry] = []
        self._replies: list[tuple[JobId, Reply]] = []
        self._leases: dict[JobId, float] = {}
        self._cursors: dict[str, Cursor] = {}
        self._commands: dict[str, tuple[datetime, str]] = {}

    def enqueue(self, message: Message, cursor: Cursor | None = None) -> JobId | None:
        if cursor is not None:
            self._cursors[message.mailbox] = cursor
        return self._add(message, State.RECEIVED, "Received.", "")

    def unreadable(self, mailbox: str, uid: str, note: str) -> JobId | None:
        nobody = Correspondent(name="", address=Address(""))
        message = Message(mailbox=mailbox, uid=uid, id=MessageId(""), id_given=False, sender=nobody)
        return self._add(message, State.PARKED, note, note)

    def _add(self, message: Message, state: State, note: str, why: str) -> JobId | None:
        if self._find(message) is not None:
            return None
        now = self._clock.now()
        job = Job(
            id=JobId(len(self._rows) + 1),
            message=message,
            state=state,
            revision=0,
            attempts=0,
            created=now,
            changed=now,
            due=now,
        )
        self._rows[job.id] = _Row(job=job, note=why)
        self._write(job, None, "daemon", note)
        return job.id

    def _write(self, job: Job, before: State | None, actor: str, note: str) -> int:
        self._ledger.append(
            Entry(
                at=self._clock.now(),
                job=job.id,
                before=before,
                after=job.state,
                actor=actor,
                note=note,
            )
        )
        return len(self._ledger)

    def _find(self, message: Message) -> Job | None:
        key = (message.mailbox, message.uid)
        return next((job for job in self._jobs() if key == _key(job)), None)

    def _jobs(self) -> list[Job]:
        return [row.job for row in self._rows.values()]

    def cursor(self, mailbox: str) -> Cursor | None:
        return self._cursors.get(mailbox)

    def keep_cursor(self, mailbox: str, cursor: Cursor) -> None:
        self._cursors[mailbox] = cursor

    def unanswered(self, mailbox: str, ids: Sequence[MessageId]) -> Sequence[Job]:
        done = {State.SENDING, State.SENT, State.SKIPPED, State.REJECTED}
        return tuple(
            job
            for job in self._jobs()
            if job.message.mailbox == mailbox
            and job.message.id_given
            and job.message.id in ids
            and job.state not in done
        )

    def find(self, mailbox: str, uid: str) -> Job | None:
        return next((job for job in self._jobs() if _key(job) == (mailbox, uid)), None)

    def claim(self, states: frozenset[State], lease: timedelta) -> Job | None:
        free = [
            job
            for job in self._jobs()
            if job.state in states
            and job.due <= self._clock.now()
            and self._leases.get(job.id, 0.0) <= self._clock.steady()
        ]
        if not free:
            return None
        oldest = min(free, key=lambda job: (job.due, job.id))
        claimed = replace(oldest, attempts=oldest.attempts + 1)
        self._rows[claimed.id].job = claimed
        self._leases[claimed.id] = self._clock.steady() + lease.total_seconds()
        return claimed

    def apply(self, job: Job, step: Step, actor: str) -> Job:
        row = self._row(job)
        stored = row.job
        moved = stored.moved(step, self._clock.now())
        if step.draft is not None:
            if stored.draft is not None and step.draft.version <= stored.draft.version:
                raise Conflict(f"Version {step.draft.version} exists already.")
            row.drafts.append(step.draft)
        number = self._write(moved, stored.state, actor, step.note)
        if step.reply is not None and step.reply != stored.reply:
            self._replies.append((job.id, step.reply))
            row.reply_number = number
        if any(finding.rule in self._stopping for finding in step.findings or ()):
            row.stopped_by = number
        row.job = moved
        row.note = reason(moved, step.note)
        self._leases.pop(job.id, None)
        return moved

    def postpone(self, job: Job, until: datetime, note: str, *, counted: bool = True) -> Job:
        row = self._row(job)
        given_back = 0 if counted or job.id not in self._leases else 1
        last = next(entry for entry in reversed(self._ledger) if entry.job == job.id)
        if last.note != note:
            self._write(row.job, row.job.state, "daemon", note)
        row.job = replace(row.job, due=until, attempts=row.job.attempts - given_back)
        self._leases.pop(job.id, None)
        return row.job

    def release(self, job: Job) -> None:
        self._leases.pop(job.id, None)

    def _row(self, seen: Job) -> _Row:
        row = self._rows[seen.id]
        if row.job.revision != seen.revision:
            raise Conflict(f"Mail {seen.id} has changed meanwhile.")
        return row

    def get(self, job: JobId) -> Job:
        if job not in self._rows:
            raise NotFound(f"There is no mail {job}.")
        return self._rows[job].job

    def list(
        self,
        *,
        states: frozenset[State] | None = None,
        before: JobId | None = None,
        limit: int = 200,
    ) -> Sequence[Summary]:
        chosen = [
            row
            for row in reversed(self._rows.values())
            if (states is None or row.job.state in states)
            and (before is None or row.job.id < before)
        ]
        return tuple(_summary(row) for row in chosen[:limit])

    def counts(self) -> Mapping[State, int]:
        return {state: sum(job.state is state for job in self._jobs()) for state in State}

    def drafts(self, job: JobId) -> Sequence[Draft]:
        return tuple(self._rows[job].drafts) if job in self._rows else ()

    def entries(self, job: JobId | None = None, limit: int = 200) -> Sequence[Entry]:
        newest = (entry for entry in reversed(self._ledger) if job is None or entry.job == job)
        return tuple(newest)[:limit]

    def facts(self, message: Message) -> Facts:
        own = self._find(message)
        came = self._clock.now() if own is None else own.created
        near = self._thread(message)
        others = [row for row in near if row.job is not own]
        person, decided = max(
            (
                (number, entry.after)
                for number, entry in enumerate(self._ledger, start=1)
                if entry.actor != "daemon" and any(row.job.id == entry.job for row in near)
            ),
            default=(0, None),
        )
        last = max(
            (
                row.job.changed
                for row in others
                if answered(row.job)
                and row.job.state is not State.APPROVED
                and row.job.changed <= came
            ),
            default=None,
        )
        lately = [
            row.job
            for row in self._rows.values()
            if row.job is not own
            and row.job.message.mailbox == message.mailbox
            and answered(row.job) == "automatic"
            and row.job.changed > self._clock.now() - timedelta(days=1)
        ]
        return Facts(
            duplicate=any(
                own is None or job.id < own.id
                for job in self._jobs()
                if job is not own and self._same(job, message, came)
            ),
            superseded=any(self._supersedes(row.job, message, own, came) for row in others),
            own=any(reply.id == message.id for _, reply in self._replies),
            thread_answers=sum(
                answered(row.job) == "automatic" and row.reply_number > person for row in others
            ),
            sender_answers_today=sum(
                message.sender.address
                in {job.message.sender.address, job.reply.recipient if job.reply else ""}
                for job in lately
            ),
            answers_last_hour=sum(
                job.changed > self._clock.now() - timedelta(hours=1)
                or job.state in {State.APPROVED, State.SENDING}
                for job in lately
            ),
            seconds_since_answer=None if last is None else (came - last).total_seconds(),
            answers_automatic=self._parent_automatic(message),
            stopped=decided is State.REJECTED or any(row.stopped_by > person for row in near),
        )

    def _same(self, job: Job, message: Message, came: datetime) -> bool:
        other = job.message
        if other.mailbox != message.mailbox:
            return False
        if other.id == message.id and other.id_given and message.id_given:
            return True
        apart = abs(_dated(other, job.created) - _dated(message, came))
        return (
            bool(message.digest)
            and other.digest == message.digest
            and other.sender.address == message.sender.address
            and apart <= _WEEK
        )

    def _supersedes(self, job: Job, message: Message, own: Job | None, came: datetime) -> bool:
        other = job.message
        mine = (_dated(message, came), 1 << 62 if own is None else own.id)
        return (
            other.sender.address == message.sender.address
            and (_dated(other, job.created), job.id) > mine
            and other.id != message.id
            and not self._same(job, message, came)
            and not says_machine(other)
            and job.state not in {State.SKIPPED, State.PARKED}
        )

    def _thread(self, message: Message) -> Iterable[_Row]:
        """Everything reachable over shared ids, message by message, until nothing is added."""
        ids = _ids(message)
        found: dict[JobId, _Row] = {}
        grown = True
        while grown:
            grown = False
            for row in self._rows.values():
                theirs = _ids(row.job.message) | {
                    reply.id for job, reply in self._replies if job == row.job.id
                }
                if (
                    row.job.id not in found
                    and row.job.message.mailbox == message.mailbox
                    and theirs & ids
                ):
                    found[row.job.id] = row
                    ids |= theirs
                    grown = True
        return found.values()

    def _parent_automatic(self, message: Message) -> bool:
        parent = message.in_reply_to or next(reversed(message.references), None)
        sent = [reply.automatic for _, reply in self._replies if reply.id == parent]
        return bool(sent) and sent[-1]

    def unfiled(self, limit: int) -> Sequence[Job]:
        waiting = [row for row in self._rows.values() if row.lies != filing(row.job.state)]
        turns: dict[str, int] = {}
        order: list[tuple[int, JobId, Job]] = []
        for row in waiting:
            turn = turns[row.job.message.mailbox] = turns.get(row.job.message.mailbox, 0) + 1
            order.append((turn, row.job.id, row.job))
        return tuple(job for _, _, job in sorted(order, key=lambda item: item[:2])[:limit])

    def filed(self, job: JobId, disposition: Disposition) -> None:
        self._rows[job].lies = disposition

    def answered(self, uuid: str) -> str | None:
        return self._commands[uuid][1] if uuid in self._commands else None

    def remember(self, uuid: str, answer: str) -> None:
        now = self._clock.now()
        self._commands = {
            key: value for key, value in self._commands.items() if value[0] >= now - _WEEK
        }
        self._commands.setdefault(uuid, (now, answer))

    def check(self) -> Iterable[str]:
        return ()

    def close(self) -> None:
        pass


def _key(job: Job) -> tuple[str, str]:
    return (job.message.mailbox, job.message.uid)


def _ids(message: Message) -> set[MessageId]:
    every = (message.id, message.in_reply_to, *message.references)
    return {known for known in every if known}


def _dated(message: Message, came: datetime) -> datetime:
    return message.date or came


def _summary(row: _Row) -> Summary:
    job = row.job
    return Summary(
        id=job.id,
        state=job.state,
        mailbox=job.message.mailbox,
        sender=job.message.sender.address,
        subject=job.message.subject,
        language=job.language,
        disposition=disposition(job),
        reason=row.note,
        created=job.created,
        changed=job.changed,
        attempts=job.attempts,
        revision=job.revision,
    )
