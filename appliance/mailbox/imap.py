"""The IMAP mailbox: mail is read and filed over IMAP and leaves through SMTP."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from imapclient import IMAPClient

from appliance.config.accounts import ImapSettings, SmtpSettings
from appliance.domain.draft import Evidence, Reply
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import Batch, Cursor, Message, MessageId, Thread
from appliance.domain.verdict import Disposition
from appliance.mailbox import mime
from appliance.mailbox.arrivals import Arrivals
from appliance.mailbox.claim import BEAT_SECONDS, Claim
from appliance.mailbox.compose import compose, draft_origin
from appliance.mailbox.folders import Folders, remove
from appliance.mailbox.kinship import LONGEST, assembled, related
from appliance.mailbox.line import Line
from appliance.mailbox.places import PLACES, READ, Place
from appliance.mailbox.rest import Rest
from appliance.mailbox.sentmail import SentMail
from appliance.mailbox.smtp import Submission
from appliance.mailbox.whereabouts import META, Spot, Whereabouts, holding, searched

T = TypeVar("T")

DRAFT_HEADER: Final = "X-Mail-Appliance-Draft"
"""By it our own drafts of a mail are known again."""

_SILENCE_SECONDS: Final = 12.0
"""To the end of an IDLE: with its 15 s, a server that is gone is noticed within half a minute."""

_ASKED: Final = 6
_THREAD_PLACES: Final = (Place.INBOX, Place.HANDLED, Place.HELD, Place.SKIPPED, Place.SENT)


@dataclass(slots=True, kw_only=True)
class ImapMailbox:
    """The Mailbox port over IMAP4rev1 (RFC 3501) and submission (RFC 6409).

    Two connections: ``line`` for fetching and IDLE, ``desk`` for everything else, so that filing
    never waits for a sleep. Threads may share one object. ``open_account`` builds it.
    """

    name: str
    imap: ImapSettings
    smtp: SmtpSettings
    line: Line
    desk: Line
    submission: Submission
    arrivals: Arrivals
    rest: Rest
    sent_mail: SentMail
    whereabouts: Whereabouts
    folders: Folders
    claim: Claim

    def fetch(self, since: Cursor | None, limit: int) -> Batch:
        def act(client: IMAPClient) -> Batch:
            self.claim.hold(client)
            return self.arrivals.fetch(client, since, limit)

        return self.line.run(act)

    def fetch_sent(self, since: Cursor | None, limit: int) -> Batch:
        return self._at_desk(lambda client: self.sent_mail.fetch(client, since, limit))

    def wait(self, timeout: timedelta) -> bool:
        """Ends early now and then, because the claim on the account has to be renewed."""
        seconds = min(timeout.total_seconds(), BEAT_SECONDS)
        if not self.imap.idle or (self.line.capabilities and not self.line.can("IDLE")):
            return self.rest.sleep(seconds)
        return self.line.run(lambda client: self._idle(client, seconds), silence=_SILENCE_SECONDS)

    def _idle(self, client: IMAPClient, seconds: float) -> bool:
        if not self.line.can("IDLE"):
            return self.rest.sleep(seconds)
        return self.rest.idle(client, seconds)

    def wake(self) -> None:
        self.rest.wake()

    def thread(self, message: Message) -> Thread:
        """What our folders and the sent mail have of the thread, up to this message."""
        parent = () if message.in_reply_to is None else (message.in_reply_to,)
        chain = tuple(dict.fromkeys((*message.references, *parent)))
        if not chain:
            return Thread(messages=(message,))
        asked = searched(dict.fromkeys((*chain[:1], *chain[-_ASKED:])))
        ancestors = frozenset(chain)
        kin = self._at_desk(lambda client: self._kin(client, asked))
        kept = [(one, place is Place.SENT) for one, place in kin if related(one, ancestors)]
        return assembled(message, ancestors, kept)

    def save_draft(self, reply: Reply) -> None:
        marked = replace(
            reply, headers=(*reply.headers, (DRAFT_HEADER, draft_origin(reply.original)))
        )

        def act(client: IMAPClient) -> None:
            self.folders.select(client, Place.DRAFTS)
            ours = self._drafts(client, reply.original)
            there = holding(client, "Message-ID", reply.id)
            if not there:
                raw = _written(marked)
                self.folders.into(
                    client,
                    Place.DRAFTS,
                    lambda name: client.append(name, raw, flags=(b"\\Draft", b"\\Seen")),
                )
            remove(client, [uid for uid in ours if uid not in there])

        self._at_desk(act)

    def withdraw_drafts(self, message: Message) -> None:
        def act(client: IMAPClient) -> None:
            self.folders.select(client, Place.DRAFTS)
            remove(client, self._drafts(client, message.uid))

        self._at_desk(act)

    def _drafts(self, client: IMAPClient, original: str) -> list[int]:
        """Ours of a mail; also those that a break left between being marked and expunged."""
        return holding(client, DRAFT_HEADER, draft_origin(original), deleted=True)

    def send(self, reply: Reply, commit: Callable[[], None]) -> None:
        """Through SMTP; the copy among the sent mail is made at once where that works."""
        # Nothing leaves unless the account is provably ours.
        self._at_desk(lambda client: client.noop())
        raw = self.submission.send(reply, commit)
        with suppress(ApplianceError):
            # ``file`` makes it good where this fails.
            self._at_desk(lambda client: self._keep_copy(client, reply, raw))

    def find_sent(self, reply: Reply) -> Evidence:
        """SENT where a copy lies among the sent mail, else UNKNOWN: absence is no proof here."""

        def act(client: IMAPClient) -> Evidence:
            self.folders.select(client, Place.SENT, readonly=True)
            there = holding(client, "Message-ID", reply.id)
            return Evidence.SENT if there else Evidence.UNKNOWN

        return self._at_desk(act)

    def file(self, message: Message, disposition: Disposition, reply: Reply | None = None) -> None:
        target = PLACES[disposition]

        def act(client: IMAPClient) -> None:
            if reply is not None:
                self._keep_copy(client, reply, _written(reply))
            spot = self.whereabouts.find(client, message)
            if spot is None:
                return
            self._mark(client, spot, target, reply)
            if spot.place is not target:
                self._move(client, message, spot, target)

        self._at_desk(act)

    def close(self) -> None:
        self.desk.close(self.claim.give_up)
        self.line.close(self.claim.give_up)

    def _at_desk(self, act: Callable[[IMAPClient], T]) -> T:
        def claimed(client: IMAPClient) -> T:
            self.claim.hold(client)
            return act(client)

        return self.desk.run(claimed)

    def _keep_copy(self, client: IMAPClient, reply: Reply, raw: bytes) -> None:
        """A copy among the sent mail, unless there is one or the server makes it."""
        if self.smtp.sent_copy == "server":
            return
        self.folders.select(client, Place.SENT)
        if not holding(client, "Message-ID", reply.id):
            self.folders.into(
                client, Place.SENT, lambda name: client.append(name, raw, flags=(b"\\Seen",))
            )

    def _mark(self, client: IMAPClient, spot: Spot, target: Place, reply: Reply | None) -> None:
        """What every mail program shows: read, answered, and by whom where the server lets us."""
        permanent = self.folders.select(client, spot.place).get(b"PERMANENTFLAGS", ())
        flags: list[bytes] = [b"\\Seen"] if target in READ else []
        if reply is not None:
            flags.append(b"\\Answered")
            if reply.automatic and b"\\*" in permanent:
                flags.append(b"$AutoReplied")
        if flags:
            client.add_flags([spot.uid], flags, silent=True)

    def _move(self, client: IMAPClient, message: Message, spot: Spot, target: Place) -> None:
        """Repeated after a crash it finds the copy and only removes what is left."""
        if self.desk.can("MOVE"):
            self.folders.into(client, target, lambda name: client.move([spot.uid], name))
        else:
            copied = self.whereabouts.within(client, message, target)
            self.folders.select(client, spot.place)
            if not copied:
                self.folders.into(client, target, lambda name: client.copy([spot.uid], name))
            remove(client, [spot.uid])
        there = self.whereabouts.within(client, message, target)
        if there:
            self.whereabouts.remember(message.uid, there[-1])

    def _kin(self, client: IMAPClient, asked: list[MessageId]) -> list[tuple[Message, Place]]:
        found: list[tuple[Message, Place]] = []
        for place in _THREAD_PLACES:
            self.folders.select(client, place, readonly=True)
            uids: set[int] = set()
            for one in asked:
                uids |= set(client.search(_naming(one)))
            kept = sorted(uids)[-LONGEST:]
            found += [(one, place) for one in self._read(client, kept)]
        return found

    def _read(self, client: IMAPClient, uids: list[int]) -> Iterable[Message]:
        largest = self.imap.largest_mb * 1024 * 1024
        metas = client.fetch(uids, META) if uids else {}
        for uid, meta in metas.items():
            if meta.get(b"RFC822.SIZE", 0) <= largest:
                answer: dict[bytes, Any] = client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {})
                raw = answer.get(b"BODY[]")
                if raw:
                    yield mime.read(raw, mailbox=self.name, uid=f"{uid}")


def _written(reply: Reply) -> bytes:
    """The mail as it is kept; with an address beyond ASCII in UTF-8 (RFC 6532)."""
    return compose(reply, utf8=not f"{reply.sender}{reply.recipient}".isascii())


def _naming(one: MessageId) -> list[Any]:
    """Mails that are ``one`` or refer to it."""
    return [
        "UNDELETED",
        "OR",
        ["HEADER", "Message-ID", one],
        ["OR", ["HEADER", "In-Reply-To", one], ["HEADER", "References", one]],
    ]
