"""What people answered from their own mail programs: noticed, kept beside the draft, closed."""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Final

from appliance.domain.draft import OUTSIDE, Draft, Reply
from appliance.domain.errors import Conflict
from appliance.domain.job import DAEMON, Job, State, Step
from appliance.domain.mail import Address, Cursor, Message, MessageId
from appliance.domain.ports import Clock, JobStore
from appliance.flow.desk import Desk
from appliance.flow.distance import distance
from appliance.flow.reply import LOOP_HEADER
from appliance.store.columns import says_machine

log = logging.getLogger(__name__)

_BATCH: Final = 50
_ELSEWHERE: Final = (
    "Somebody answered it from a mail program, and what they wrote is not among this account's "
    "sent mail. Look there before it is answered again."
)
_WAITING: Final = frozenset({State.RECEIVED, State.SCREENED, State.DRAFTED, State.APPROVED})


class Outside:
    """Looks at the sent mail of a mailbox; harmless when repeated, safe for threads."""

    def __init__(self, store: JobStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def look(self, desk: Desk, *, keep: bool = True) -> int:
        """Close every mail that a person answered; returns how many.

        Args:
            desk: whose sent mail is looked at.
            keep: what was seen need not be looked at again. Only right after the inbox was fetched:
                else an answer would be passed by before the mail it answers has come in.

        Raises:
            TransientError, OperatorError: from the mailbox or the store; what was closed stays so.
        """
        place = f"{desk.name}/sent"
        closed = 0
        since = self._store.cursor(place)
        while True:
            batch = desk.mailbox.fetch_sent(since, _BATCH)
            closed += sum(self._noticed(desk, message) for message in batch.messages)
            if batch.cursor is None or batch.cursor == since:
                return closed
            since = Cursor(batch.cursor)
            if keep:
                self._store.keep_cursor(place, since)

    def marked(self, desk: Desk, uid: str) -> bool:
        """A mail program marked a waiting mail as answered: hold it, lest it is answered twice.

        Outlook keeps what somebody sends for a shared mailbox among their own sent mail, so the
        mark may be all there is. Where the copy turns up here after all, ``look`` closes the mail.
        Once only: the mark stays, and a person who looked may have it answered all the same.
        """
        job = self._store.find(desk.name, uid)
        if job is None or job.state not in _WAITING:
            return False
        if any(entry.note == _ELSEWHERE for entry in self._store.entries(job.id)):
            return False
        try:
            self._store.apply(job, Step(to=State.HELD, note=_ELSEWHERE), actor=OUTSIDE)
        except Conflict:
            return False
        log.info("job=%d state=held answered=elsewhere", job.id)
        return True

    def _noticed(self, desk: Desk, sent: Message) -> int:
        """Whether a mail from the sent mail answers one that waits."""
        if sent.sender.address and sent.sender.address not in desk.office.addresses:
            return 0
        parents = answered_ids(sent)
        closed = 0
        for job in self._store.unanswered(desk.name, parents) if parents else ():
            try:
                if _is_ours(job, sent):
                    self._store.apply(job, _found(job, sent, desk), actor=DAEMON)
                elif says_machine(sent) or not _reaches_author(job, sent):
                    continue
                else:
                    self._store.apply(job, self._closed(job, sent, desk), actor=OUTSIDE)
            except Conflict:
                # A person at the console, or the clerk, was a moment quicker.
                log.info("job=%d state=%s overtaken", job.id, job.state)
                continue
            closed += 1
            log.info("job=%d state=sent seen=sent mail", job.id)
        return closed

    def _closed(self, job: Job, sent: Message, desk: Desk) -> Step:
        now = self._clock.now()
        before = job.draft
        text = _own_words(sent.question or sent.text, desk.office.signature)
        draft = Draft(
            version=(before.version if before else 0) + 1,
            author=OUTSIDE,
            text=text,
            language=job.language or desk.office.language,
            created=now,
            passages=before.passages if before else (),
            knowledge_version=before.knowledge_version if before else "",
            distance=distance(before.text, text) if before else None,
        )
        return Step(
            to=State.SENT,
            note="A person answered it from their own mail program.",
            draft=draft,
            reply=_as_reply(job, sent, desk.office.addresses[0], now),
            uncertain=False,
        )


def _is_ours(job: Job, sent: Message) -> bool:
    """The copy of a reply in doubt, or an automatic one that a restored store knows nothing of."""
    doubted = job.uncertain and job.reply is not None and sent.id == job.reply.id
    marked = sent.header(LOOP_HEADER.lower()) == job.message.mailbox
    return doubted or (marked and says_machine(sent))


def _found(job: Job, sent: Message, desk: Desk) -> Step:
    reply = job.reply
    if reply is None or reply.id != sent.id:
        own = desk.office.addresses[0]
        reply = replace(_as_reply(job, sent, own, job.changed), automatic=says_machine(sent))
    note = "The reply was found among the sent mail."
    return Step(to=State.SENT, note=note, reply=reply, uncertain=False)


def _reaches_author(job: Job, sent: Message) -> bool:
    """Some mail programs give In-Reply-To to what is forwarded to a colleague, too."""
    reached = {person.address for person in (*sent.to, *sent.cc)}
    authors = {person.address for person in (job.message.sender, *job.message.reply_to)}
    return not reached or not reached.isdisjoint(authors)


def _own_words(text: str, signature: str) -> str:
    """Without the office's signature, which our own copy in Drafts carried."""
    return text.strip().removesuffix(signature.strip()).strip()


def answered_ids(sent: Message) -> tuple[MessageId, ...]:
    """What a mail answers: In-Reply-To, else the last of its References (RFC 5322 §3.6.4)."""
    if sent.in_reply_to is not None:
        return (sent.in_reply_to,)
    return sent.references[-1:]


def _as_reply(job: Job, sent: Message, own: Address, now: datetime) -> Reply:
    """What left, as far as the mail says, so that later answers find their thread."""
    to = sent.to[0] if sent.to else job.message.sender
    return Reply(
        id=sent.id,
        in_reply_to=sent.in_reply_to,
        references=sent.references,
        sender=sent.sender.address or own,
        sender_name=sent.sender.name,
        recipient=to.address,
        recipient_name=to.name,
        subject=sent.subject,
        text=sent.text or sent.question,
        date=sent.date or now,
        automatic=False,
        original=job.message.uid,
    )
