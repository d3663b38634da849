"""The Mailbox port over a ``MailStore``: Exchange by EWS, Microsoft 365 by Graph."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from appliance.domain.draft import Evidence, Reply
from appliance.domain.errors import ApplianceError, MailboxUnreachable
from appliance.domain.mail import Batch, Cursor, Message, Thread
from appliance.domain.ports import Clock
from appliance.domain.verdict import Disposition
from appliance.mailbox.compose import draft_origin
from appliance.mailbox.kinship import LONGEST, assembled, related
from appliance.mailbox.mailstore import MailStore, Marks, Ref, Spot, Tag
from appliance.mailbox.places import PLACES, READ, Place
from appliance.mailbox.store_arrivals import StoreArrivals
from appliance.mailbox.store_arrivals import message as as_message
from appliance.mailbox.store_claim import BEAT_SECONDS, StoreClaim


@dataclass(slots=True, kw_only=True)
class StoreMailbox:
    """One account. ``open_store_mailbox`` builds it; threads may share it.

    A reply is saved as a draft with our property on it, and the server is told to send that draft,
    which becomes the copy in Sent. So the property tells after a crash what became of it: a draft
    that still lies there was not sent, a mail in Sent was.
    """

    name: str
    store: MailStore
    arrivals: StoreArrivals
    sent_mail: StoreArrivals
    claim: StoreClaim
    clock: Clock
    opened: float
    calls: dict[str, float] = field(default_factory=dict)
    desk: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, since: Cursor | None, limit: int) -> Batch:
        self.claim.hold()
        return self.arrivals.fetch(since, limit)

    def fetch_sent(self, since: Cursor | None, limit: int) -> Batch:
        self.claim.hold()
        return self.sent_mail.fetch(since, limit)

    def wait(self, timeout: timedelta) -> bool:
        """Ends early now and then, because the claim on the account has to be renewed."""
        return self.store.wait(min(timeout.total_seconds(), BEAT_SECONDS))

    def wake(self) -> None:
        self.store.wake()

    def thread(self, message: Message) -> Thread:
        """What our folders and the sent mail have of the thread, up to this message."""
        parent = () if message.in_reply_to is None else (message.in_reply_to,)
        ancestors = frozenset((*message.references, *parent))
        if not ancestors:
            return Thread(messages=(message,))
        self.claim.hold()
        found = [
            (as_message(mail, mailbox=self.name), place is Place.SENT)
            for mail, place in self.store.kin(message, LONGEST)
            if mail.raw is not None and mail.key != message.uid
        ]
        kept = [(one, ours) for one, ours in found if related(one, ancestors)]
        # Within one second the question comes before its answer.
        return assembled(message, ancestors, sorted(kept, key=lambda pair: pair[1]))

    def save_draft(self, reply: Reply) -> None:
        with self.desk:
            self.claim.hold()
            origin = draft_origin(reply.original)
            there = self.store.tagged(Place.DRAFTS, Tag.COPY, reply.id)
            kept = there[:1]
            if not kept:
                tags = {Tag.ORIGIN: origin, Tag.COPY: reply.id}
                kept = [self.store.draft(reply, tags, self._original(reply))]
            self._remove_drafts(origin, but=kept[0])

    def withdraw_drafts(self, message: Message) -> None:
        with self.desk:
            self.claim.hold()
            self._remove_drafts(draft_origin(message.uid), but=None)

    def _remove_drafts(self, origin: str, *, but: Ref | None) -> None:
        ours = self.store.tagged(Place.DRAFTS, Tag.ORIGIN, origin)
        self.store.remove([ref for ref in ours if ref != but])

    def send(self, reply: Reply, commit: Callable[[], None]) -> None:
        """A draft of it that is there already is sent, never a second one.

        So where an earlier call is still at work, one of the two finds nothing to send; and where
        that call is done by now, its copy says so.
        """
        with self.desk:
            self.claim.hold()
            there = self.store.tagged(Place.DRAFTS, Tag.REPLY, reply.id)
            if not there and self._gone_before(reply, commit):
                return
            if there:
                ref = there[0]
            else:
                tags = {Tag.ORIGIN: draft_origin(reply.original), Tag.REPLY: reply.id}
                ref = self.store.draft(reply, tags, self._original(reply))
            self.store.send(ref, lambda: self._committed(reply, commit))
            self.calls.pop(reply.id, None)

    def _gone_before(self, reply: Reply, commit: Callable[[], None]) -> bool:
        """Whether an earlier call has sent it.

        Raises:
            MailboxUnreachable: an earlier call has handed it over, and it has not left yet.
        """
        # In the order in which it moves on meanwhile.
        waits = self.store.tagged(Place.OUTBOX, Tag.REPLY, reply.id)
        if self.store.tagged(Place.SENT, Tag.REPLY, reply.id):
            commit()
            return True
        if waits:
            self._committed(reply, commit)
            raise MailboxUnreachable("The reply waits in the Outbox; nobody knows if it leaves.")
        return False

    def _committed(self, reply: Reply, commit: Callable[[], None]) -> None:
        commit()
        self.calls[reply.id] = self.clock.steady()

    def find_sent(self, reply: Reply) -> Evidence:
        """SENT where our property lies in Sent, NOT_SENT where it still lies in Drafts.

        The latter once no call of ours can be at work on the server any more, of this run or the
        one before, and only where that is proof.
        """
        with self.desk:
            self.claim.hold()
            if self.store.tagged(Place.SENT, Tag.REPLY, reply.id):
                return Evidence.SENT
            if not self._over(reply):
                return Evidence.PENDING
            if self.store.drafts_prove and self.store.tagged(Place.DRAFTS, Tag.REPLY, reply.id):
                return Evidence.NOT_SENT
            return Evidence.UNKNOWN

    def _over(self, reply: Reply) -> bool:
        # Who called last may have been an earlier run, which ended when this one began.
        called = max(self.opened, self.calls.get(reply.id, self.opened))
        over = self.clock.steady() - called > self.store.limit_seconds
        if over:
            self.calls.pop(reply.id, None)
        return over

    def file(self, message: Message, disposition: Disposition, reply: Reply | None = None) -> None:
        target = PLACES[disposition]
        with self.desk:
            self.claim.hold()
            spot = self._find(message)
            if spot is None:
                return
            marks = Marks(
                seen=target in READ,
                answered=reply is not None,
                automatic=reply is not None and reply.automatic,
            )
            if marks != Marks():
                self.store.mark(spot.ref, marks)
            if spot.place is not target:
                self.store.move(spot, target)

    def close(self) -> None:
        with suppress(ApplianceError):
            # A server that does not answer now sees the note grow old.
            self.claim.give_up()
        self.store.close()

    def _find(self, message: Message) -> Spot | None:
        return self.store.locate(message.uid, message.id if message.id_given else None)

    def _original(self, reply: Reply) -> Ref | None:
        """The mail that a reply answers, where it still lies in one of our folders."""
        spot = self.store.locate(reply.original, reply.in_reply_to)
        return None if spot is None else spot.ref
