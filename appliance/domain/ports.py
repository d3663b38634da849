"""What the flow needs from the world, in the flow's own words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Protocol

from appliance.domain.draft import Completion, Draft, Evidence, Passage, Prompt, Reply
from appliance.domain.job import Entry, Job, JobId, State, Step, Summary
from appliance.domain.mail import Batch, Cursor, Message, MessageId, Thread, Tokens
from appliance.domain.verdict import Disposition, Facts


class Clock(Protocol):
    """The time of day (aware) and a steady clock for measuring (seconds)."""

    def now(self) -> datetime: ...
    def steady(self) -> float: ...


class Mailbox(Protocol):
    """The account we read and send through.

    Every method raises MailboxUnreachable where time may help, CredentialsRefused where a person
    must act, and AlreadyRunning where another appliance answers the account.
    """

    name: str

    def fetch(self, since: Cursor | None, limit: int) -> Batch:
        """At most ``limit`` mails of the inbox, oldest first; the same mail may come again."""
        ...

    def fetch_sent(self, since: Cursor | None, limit: int) -> Batch:
        """What people sent from this account with their own mail programs, oldest first.

        Copies that this mailbox filed itself may be among them. The cursor is of another kind than
        ``fetch``'s. Without one, only what is recent enough to answer a mail that we fetched.
        """
        ...

    def wait(self, timeout: timedelta) -> bool:
        """Sleep until something may have changed (True) or the time is over (False)."""
        ...

    def wake(self) -> None:
        """End a running ``wait`` at once, from another thread (shutdown)."""
        ...

    def thread(self, message: Message) -> Thread:
        """The message and what the mailbox still has of its thread, oldest first."""
        ...

    def save_draft(self, reply: Reply) -> None:
        """Put the reply into the account's own Drafts folder; twice is the same as once."""
        ...

    def withdraw_drafts(self, message: Message) -> None:
        """Remove the drafts that ``save_draft`` made for this mail; none there is no error."""
        ...

    def send(self, reply: Reply, commit: Callable[[], None]) -> None:
        """Send; ``commit`` runs just before the point of no return, its failure stops the sending.

        Raises:
            MailboxUnreachable: before ``commit``: nothing left. After it: nobody knows.
            ReplyRefused: definitely not sent, now or ever.
            ReplyDeferred: definitely not sent now; the server wants us to try later.
            DiskFull: definitely not sent, there was no room.
        """
        ...

    def find_sent(self, reply: Reply) -> Evidence:
        """What can be proven about the reply; PENDING for no longer than a call may last."""
        ...

    def file(self, message: Message, disposition: Disposition, reply: Reply | None = None) -> None:
        """Put the mail where it belongs: PASS → Handled, HOLD → Held, STOP → Skipped.

        Idempotent; a mail that is gone is no error; REVIEW brings it back to the inbox. ``reply``
        is what answered it, known to have left: the mail is marked as answered, and the folder of
        sent mail gets its copy where a crash kept it from getting one.
        """
        ...

    def close(self) -> None:
        """Give the account up and close what is open; a later call opens it anew."""
        ...


class Engine(Protocol):
    """The language model in memory."""

    @property
    def name(self) -> str:
        """Name of the model for a person."""
        ...

    @property
    def context(self) -> Tokens:
        """Tokens of prompt and completion that one slot can hold."""
        ...

    @property
    def slots(self) -> int: ...

    def count(self, text: str) -> Tokens:
        """Tokens of ``text`` as plain text (no special tokens)."""
        ...

    def submit(
        self, prompt: Prompt, watch: Callable[[str], None] | None = None
    ) -> Future[Completion]:
        """Queue a prompt; ``watch`` gets each piece of text as it is written, in another thread.

        The future stays cancellable until it is done: ``cancel()`` stops the generation, inside a
        prefill too. It fails with ThreadTooLong, EnginePaused (closed),
        GenerationFailed or ModelUnusable.
        """
        ...

    def close(self, timeout: timedelta) -> None:
        """Cancel what is left after ``timeout`` and free the memory."""
        ...


class Knowledge(Protocol):
    """The owner's folder as passages."""

    @property
    def version(self) -> str:
        """Changes whenever a file changes."""
        ...

    @property
    def problems(self) -> Sequence[str]:
        """A sentence for each file that was not read."""
        ...

    def search(self, question: str, limit: int) -> Sequence[Passage]:
        """The fittest passages, best first."""
        ...

    def refresh(self) -> bool:
        """Read the folder again; True where something changed."""
        ...


class JobStore(Protocol):
    """Jobs, drafts, replies and the ledger; every method is one transaction and raises DiskFull.

    A job holds a lease while somebody works on it; ``apply`` and ``postpone`` end the lease. One
    daemon owns the store, so leases of an earlier run end when it opens.
    """

    def enqueue(self, message: Message, cursor: Cursor | None = None) -> JobId | None:
        """Add a message as RECEIVED and store the cursor; None: mailbox and uid are known."""
        ...

    def unreadable(self, mailbox: str, uid: str, note: str) -> JobId | None:
        """Add a mail nobody could read as PARKED; None: known already."""
        ...

    def cursor(self, mailbox: str) -> Cursor | None: ...

    def keep_cursor(self, mailbox: str, cursor: Cursor) -> None:
        """Store a cursor that comes with no message to enqueue."""
        ...

    def unanswered(self, mailbox: str, ids: Sequence[MessageId]) -> Sequence[Job]:
        """Jobs whose mail has one of these Message-IDs and of which nothing of ours has left.

        That is every state but SENDING, SENT, SKIPPED and REJECTED; uncertain jobs are among them.
        """
        ...

    def find(self, mailbox: str, uid: str) -> Job | None:
        """The job of a mail by the mailbox's own key."""
        ...

    def claim(self, states: frozenset[State], lease: timedelta) -> Job | None:
        """Lease the oldest due job in one of ``states`` and count the attempt on disk."""
        ...

    def apply(self, job: Job, step: Step, actor: str) -> Job:
        """Move the job, store its artefacts and write the ledger entry.

        Raises:
            IllegalTransition: the table does not allow the step.
            Conflict: the stored revision is not ``job.revision``.
        """
        ...

    def postpone(self, job: Job, until: datetime, note: str, *, counted: bool = True) -> Job:
        """Give the job back, not to be claimed before ``until``; the attempt counts or not."""
        ...

    def release(self, job: Job) -> None:
        """End the lease where not even ``postpone`` finds room to write; touches no disk."""
        ...

    def get(self, job: JobId) -> Job:
        """Raises NotFound."""
        ...

    def list(
        self,
        *,
        states: frozenset[State] | None = None,
        before: JobId | None = None,
        limit: int = 200,
    ) -> Sequence[Summary]:
        """Newest first, by keyset: ids below ``before``."""
        ...

    def counts(self) -> Mapping[State, int]: ...
    def drafts(self, job: JobId) -> Sequence[Draft]: ...
    def entries(self, job: JobId | None = None, limit: int = 200) -> Sequence[Entry]:
        """Newest first."""
        ...

    def facts(self, message: Message) -> Facts:
        """What is known about the message's surroundings."""
        ...

    def unfiled(self, limit: int) -> Sequence[Job]:
        """Jobs whose mail does not lie yet where their state says."""
        ...

    def filed(self, job: JobId, disposition: Disposition) -> None:
        """Remember where the mail lies now."""
        ...

    def answered(self, uuid: str) -> str | None:
        """The stored answer to a command with this client UUID."""
        ...

    def remember(self, uuid: str, answer: str) -> None:
        """Store the answer to a command, for repeats of its UUID."""
        ...

    def check(self) -> Iterable[str]:
        """Problems of the stored data, one sentence each; nothing where it is sound."""
        ...

    def close(self) -> None: ...
