"""What Exchange (EWS) and Microsoft 365 (Graph) have in common: a store of mails with properties.

``StoreMailbox`` makes a mailbox of any such store. A form of it translates and decides nothing:
third-party types and errors stop there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NewType, Protocol
from uuid import UUID

from appliance.config.accounts import StoreSettings
from appliance.domain.draft import Reply
from appliance.domain.errors import TransientError
from appliance.domain.mail import Message, MessageId
from appliance.mailbox.places import Place

Ref = NewType("Ref", str)
"""The server's own id of a mail as it lies now; moving may change it."""

PROPERTY_SET: Final = UUID("6d2f8a54-3c0b-4b1e-9d57-0c5f7c1e2a90")
"""The property set of our extended (named) properties, strings all (MS-OXPROPS §1.3.2)."""


_CONNECT_SECONDS: Final = 10.0

ANSWERED: Final = "Mail appliance: answered"
ANSWERED_BY_ITSELF: Final = "Mail appliance: answered automatically"
"""Categories: what a person sees beside a mail."""

LIMIT_FACTOR: Final = 1.5
"""A server that was told to send goes on for a while after we hung up; it is given half as long."""


class Tag(Enum):
    """Our extended properties, each by its name in ``PROPERTY_SET``.

    Attributes:
        REPLY: on what leaves: the Message-ID of the reply, from before sending to the Sent folder.
        COPY: on the copy that waits for a person in Drafts: the Message-ID of the reply.
        ORIGIN: on both: what marks every draft for one mail.
        BOX, HOST, BEAT: on the note that claims the account, as in ``Note``.
    """

    REPLY = "MailApplianceReply"
    COPY = "MailApplianceCopy"
    ORIGIN = "MailApplianceOrigin"
    BOX = "MailApplianceBox"
    HOST = "MailApplianceHost"
    BEAT = "MailApplianceBeat"


class StateLost(TransientError):
    """The server does not know a state of synchronisation (any more): begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A mail as its folder lists it.

    Attributes:
        ref: where it lies.
        received: when it came, aware; None where the server does not tell.
        size: in bytes as far as the server tells, else 0.
        answered: somebody answered it with a mail program.
    """

    ref: Ref
    received: datetime | None
    size: int = 0
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that was read.

    Attributes:
        key: what stays the same wherever it is moved, and differs from every other mail's.
        raw: RFC 5322 bytes whose headers are those it came with; None: larger than is read, or the
            server has none to give.
        reply: the value of ``Tag.REPLY``, or empty: what we sent ourselves.
    """

    ref: Ref
    key: str
    raw: bytes | None
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A folder at the first look: the state from which its changes count, and what lies in it."""

    state: str
    waiting: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a folder saw since a state.

    Attributes:
        new: mails that came, in the server's order; the same may come again, and so may mails that
            only changed where the server cannot tell.
        changed: mails that were there and have something else about them now.
        state: from which the next changes count.
        more: there are further changes already.
    """

    new: tuple[Listed, ...]
    changed: tuple[Listed, ...]
    state: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a mail lies."""

    ref: Ref
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a mail program shows of a mail: read, answered, and by whom (a category)."""

    seen: bool = False
    answered: bool = False
    automatic: bool = False

    @property
    def category(self) -> str:
        """The category of an answered mail, or empty."""
        if not self.answered:
            return ""
        return ANSWERED_BY_ITSELF if self.automatic else ANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note in the folder of claims: which box wrote it, the name of its machine, which beat."""

    ref: Ref
    box: str
    host: str
    beat: str


def note_subject(host: str) -> str:
    """What a person reads in the list of the folder of claims."""
    return f"Mail appliance {host} looks after this mailbox"


def note_text(host: str) -> str:
    """What a person reads who opens a note."""
    return (
        f"The mail appliance {host} answers the mail of this mailbox. It renews this note by "
        "itself every two minutes. A second appliance that finds it here keeps away. Leave it "
        "where it is.\n\n"
        f"邮件助手 {host} 负责答复此邮箱的邮件。此标记由其每两分钟自动更新；"
        "另一台设备发现此标记后不会处理该邮箱。请勿移动。\n"
    )


def connect_seconds(settings: StoreSettings) -> float:
    """So long a connection may take to come about, before anything is sent."""
    return min(_CONNECT_SECONDS, settings.timeout_seconds)


class MailStore(Protocol):
    """An account in such a store. Safe for threads.

    Every method raises MailboxUnreachable, CredentialsRefused (also: no right to this mailbox) and
    ConfigError; it sends nothing while the server wants rest. Folders that are missing are made.
    """

    drafts_prove: bool
    """What still lies in Drafts after ``limit_seconds`` has certainly not been sent."""

    limit_seconds: float
    """No call of ours is at work on the server any longer than this after it was made."""

    def begin(self, place: Place, since: datetime) -> Begun:
        """A folder and what it received since then, whole, oldest first; 2,000 mails in seconds."""
        ...

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """At most about ``limit`` changes since ``state``. Raises StateLost."""
        ...

    def read(self, listed: Sequence[Listed]) -> Sequence[Mail]:
        """The mails in this order; those that are gone are left out."""
        ...

    def keys(self, listed: Sequence[Listed]) -> Mapping[Ref, str]:
        """The key of each mail, without reading it whole; those that are gone are left out."""
        ...

    def locate(self, key: str, message_id: MessageId | None) -> Spot | None:
        """Where a mail lies among inbox, Held, Handled and Skipped; None where in none of them."""
        ...

    def move(self, spot: Spot, to: Place) -> None:
        """Move a mail; one that is gone is no error."""
        ...

    def mark(self, ref: Ref, marks: Marks) -> None:
        """Add marks to a mail and take none away; one that is gone is no error."""
        ...

    def kin(self, message: Message, limit: int) -> Sequence[tuple[Mail, Place]]:
        """Mails that may be of one thread with it, itself left out, the newest ``limit`` of them.

        From inbox, Handled, Held, Skipped and Sent, with the folder each lies in.
        """
        ...

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        """Put a reply into Drafts: every header and the text are ours, to the letter.

        Args:
            reply: what to write.
            tags: our properties on it.
            original: the mail it answers, for servers that thread by it; None: it is gone.
        """
        ...

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        """The mails of a folder that carry this property with this value, checked."""
        ...

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        """Send a draft, which becomes the copy in Sent; ``commit`` runs right before the request.

        One call at a time for the whole account. Whatever ``commit`` raises passes unchanged, and
        nothing was sent.

        Raises:
            ReplyRefused: definitely not sent, now or ever: the server said so before taking it.
            ReplyDeferred: definitely not sent now: busy, or the request never left this machine.
            MailboxUnreachable: everything else: nobody knows.
        """
        ...

    def remove(self, refs: Sequence[Ref]) -> None:
        """Delete for good; what is gone is no error."""
        ...

    def notes(self) -> Sequence[Note]:
        """The notes in the folder of claims, everybody's."""
        ...

    def leave_note(self, *, box: str, host: str, beat: str) -> None:
        """Add a note there, one a person can make sense of."""
        ...

    def wait(self, seconds: float) -> bool:
        """Sleep until the inbox may have changed or ``wake`` (True), or for ``seconds`` (False)."""
        ...

    def wake(self) -> None:
        """End a running wait, or the next one, at once; from any thread."""
        ...

    def close(self) -> None:
        """Close what is open; a later call opens it anew."""
        ...
