"""What a person does to a mail: approve, edit, reject, redo, retry, undo, resolve."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.domain.draft import Draft
from appliance.domain.errors import Conflict
from appliance.domain.job import NEXT, Job, JobId, State, Step
from appliance.flow import stages
from appliance.flow.aftercare import Aftercare
from appliance.flow.distance import distance
from appliance.flow.floor import Floor
from appliance.flow.reply import write_reply
from appliance.prompt.build import prefix

MAX_DRAFT: Final = 100_000
"""Longest text a person may write, in characters."""

MAX_NOTE: Final = 2_000
"""Longest note to the engine, in characters: it shares the context with the mail."""


_APPROVABLE: Final = frozenset({State.DRAFTED, State.HELD})
"""Not SENDING, from where only evidence leads back: it may have left already."""


class Review:
    """Every act is one transaction under the person's name and refuses what is stale."""

    def __init__(self, floor: Floor, changed: Callable[[], None]) -> None:
        """``changed`` is called after each act, so that the waiting threads look again."""
        self._aftercare = Aftercare(floor)
        self._store = floor.store
        self._desks = floor.desks
        self._clock = floor.clock
        self._settings = floor.runner.settings
        self._changed = changed

    def approve(self, job_id: JobId, version: int | None, who: str) -> Job:
        """Let the newest draft leave after the undo delay.

        Args:
            job_id: the mail.
            version: the draft version the person read; None: whatever is newest.
            who: login name.

        Raises:
            NotFound, Conflict: no such mail; another version is newest, or nothing to approve.
        """
        job = self._fresh(job_id, State.APPROVED, "approved", only=_APPROVABLE)
        if job.draft is None or not job.draft.text:
            raise Conflict(f"Mail {job_id} has no draft: write one with `mail edit {job_id}`.")
        if job.uncertain:
            raise Conflict(
                f"Mail {job_id} may have been answered already: look into the mailbox, then "
                f"`mail resolve {job_id} --sent` or `--not-sent`."
            )
        if version is not None and version != job.draft.version:
            raise Conflict(
                f"Version {version} is not the newest any more: read version {job.draft.version}."
            )
        now = self._clock.now()
        office = self._desks[job.message.mailbox].office
        reply = write_reply(
            message=job.message, draft=job.draft, office=office, now=now, automatic=False
        )
        due = now + timedelta(seconds=self._settings.undo_seconds)
        note = f"Version {job.draft.version} approved; it leaves at {due:%H:%M:%S}."
        return self._apply(job, Step(to=State.APPROVED, note=note, reply=reply, due=due), who)

    def undo(self, job_id: JobId, who: str) -> Job:
        """Take an approval back before the reply has left."""
        job = self._fresh(job_id, State.DRAFTED, "taken back", only=frozenset({State.APPROVED}))
        return self._apply(job, Step(to=State.DRAFTED, note="The approval was taken back."), who)

    def edit(self, job_id: JobId, text: str, version: int | None, who: str) -> Job:
        """Store what a person wrote as a new version; the guard reads it too."""
        job = self._fresh(job_id, State.DRAFTED, "edited")
        if not text.strip():
            raise Conflict("The new text is empty; to send nothing, reject the mail.")
        if len(text) > MAX_DRAFT:
            raise Conflict(f"The new text is longer than {MAX_DRAFT} characters.")
        if version is not None and (job.draft is None or version != job.draft.version):
            raise Conflict(f"Version {version} is not the newest any more; read the mail again.")
        desk = self._desks[job.message.mailbox]
        draft = Draft(
            version=(job.draft.version if job.draft else 0) + 1,
            author=who,
            text=text.strip(),
            language=job.language or desk.office.language,
            created=self._clock.now(),
            passages=job.draft.passages if job.draft else (),
            knowledge_version=job.draft.knowledge_version if job.draft else "",
            distance=distance(job.draft.text, text) if job.draft else None,
        )
        thread = desk.mailbox.thread(job.message)
        step = stages.guard(job, draft, thread, desk.office, prefix(desk.office))
        # A person decided to write it, so it is a draft whatever the guard has to say about it.
        step = Step(
            to=State.DRAFTED, note=step.note, findings=step.findings, draft=draft, uncertain=False
        )
        edited = self._apply(job, step, who)
        self._aftercare.save_copy(edited)
        return edited

    def reject(self, job_id: JobId, reason: str, who: str) -> Job:
        """Close the mail without an answer."""
        job = self._fresh(job_id, State.REJECTED, "rejected")
        return self._apply(job, Step(to=State.REJECTED, note=_said("Rejected", reason)), who)

    def redo(self, job_id: JobId, note: str, who: str) -> Job:
        """Have the engine write (again), with a note; also overrules the screen."""
        job = self._fresh(job_id, State.SCREENED, "drafted again")
        if job.uncertain:
            raise Conflict(f"Mail {job_id} may have been answered already: resolve it first.")
        if not job.language:
            raise Conflict(f"Mail {job_id} was never screened; use `mail retry {job_id}`.")
        if len(note) > MAX_NOTE:
            raise Conflict(f"The note is longer than {MAX_NOTE} characters.")
        step = Step(to=State.SCREENED, note="To be drafted again.", instruction=note.strip())
        return self._apply(job, step, who)

    def retry(self, job_id: JobId, who: str) -> Job:
        """Send a parked mail through the house from the start."""
        job = self._fresh(job_id, State.RECEIVED, "tried again")
        if not job.message.sender.address:
            raise Conflict(f"Mail {job_id} could not be read; open it in the mailbox itself.")
        return self._apply(job, Step(to=State.RECEIVED, note="To be tried again."), who)

    def resolve(self, job_id: JobId, who: str, *, sent: bool) -> Job:
        """A person looked and knows whether an uncertain reply has left."""
        job = self._store.get(job_id)
        if not job.uncertain:
            raise Conflict(f"Mail {job_id} is not in doubt.")
        if sent:
            step = Step(to=State.SENT, note="A person found that it left.", uncertain=False)
        else:
            step = Step(to=State.DRAFTED, note="A person found it did not leave.", uncertain=False)
        return self._apply(job, step, who)

    def _fresh(
        self, job_id: JobId, to: State, done: str, only: frozenset[State] | None = None
    ) -> Job:
        job = self._store.get(job_id)
        allowed = to in NEXT[job.state] and (only is None or job.state in only)
        if not allowed:
            raise Conflict(f"Mail {job_id} is {job.state}; it cannot be {done} now.")
        return job

    def _apply(self, job: Job, step: Step, who: str) -> Job:
        moved = self._store.apply(job, step, actor=who)
        self._changed()
        return moved


def _said(what: str, reason: str) -> str:
    flat = "".join(sign for sign in " ".join(reason.split()) if sign.isprintable())[:200]
    return f"{what}: {flat}" if flat else f"{what}."
