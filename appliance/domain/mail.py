"""A received mail as values: decoded once at the door, then never parsed again."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

MessageId = NewType("MessageId", str)
"""A Message-ID (RFC 5322 §3.6.4) without its angle brackets."""

Address = NewType("Address", str)
"""An addr-spec (RFC 5322 §3.4.1), lower-cased, without display name."""

Cursor = NewType("Cursor", str)
"""Opaque position in a mailbox; only the mailbox that made it can read it."""

Tokens = NewType("Tokens", int)
"""A number of tokens of the loaded engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """Somebody in a From, To, Cc or Reply-To header; ``name`` may be empty."""

    name: str
    address: Address

    @property
    def domain(self) -> str:
        """The part behind the at sign, or an empty string."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part that is not the text of the mail; ``size`` in bytes after transfer decoding."""

    name: str
    media_type: str
    size: int
    inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One received mail.

    All text is NFC, without C0/C1 controls (but newline and tab), escape sequences, zero-width and
    bidirectional controls, and clamped (runs of blanks, line length, number of lines).

    Attributes:
        mailbox: name of the mailbox in the configuration.
        uid: the mailbox's own key for this mail; unique within the mailbox.
        id: Message-ID; derived from ``digest`` where the mail has none (``id_given`` False).
        headers: ``(lower-cased name, unfolded decoded value)`` in the order of the mail.
        text: the whole visible text, quotes and signature included.
        question: the newest visible text of the sender, quotes, signature and footers removed.
        quoted: the visible quoted history that was cut off, or empty.
        signature: the delimited signature that was cut off, or empty.
        hidden: text a person cannot see (display:none, white on white, …), one item a place.
        oddities: what reading noticed, as short fixed names (``zero_width``, ``bidi``,
            ``template_token``, ``charset_guessed``, ``truncated``, ``undecodable`` …).
        media_type: content type of the top-level part, lower-case.
        parts: content types of all parts in order, lower-case, with the parameters that matter
            (``text/calendar; method=request``).
        digest: SHA-256 (hex) of sender, subject and visible text, white space folded: the content
            hash for finding duplicates that carry another Message-ID.
        size: bytes of the raw mail.
    """

    mailbox: str
    uid: str
    id: MessageId
    id_given: bool = True
    in_reply_to: MessageId | None = None
    references: tuple[MessageId, ...] = ()
    date: datetime | None = None
    sender: Correspondent
    reply_to: tuple[Correspondent, ...] = ()
    to: tuple[Correspondent, ...] = ()
    cc: tuple[Correspondent, ...] = ()
    subject: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    question: str = ""
    quoted: str = ""
    signature: str = ""
    hidden: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    media_type: str = "text/plain"
    parts: tuple[str, ...] = ()
    digest: str = ""
    size: int = 0

    def header(self, name: str) -> str | None:
        """The first value of the header ``name`` (lower-case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def header_all(self, name: str) -> tuple[str, ...]:
        """Every value of the header ``name`` (lower-case), in order."""
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Messages linked by References, oldest first; never empty; the last is the one to answer.

    ``ours`` holds the ids of those among them that this mailbox itself sent.
    """

    messages: tuple[Message, ...]
    ours: frozenset[MessageId] = frozenset()

    @property
    def newest(self) -> Message:
        """The message to answer."""
        return self.messages[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one fetch brought.

    Attributes:
        messages: oldest first.
        cursor: where the next fetch continues, to be stored with the messages.
        unreadable: uids that could not be made into a message, with a sentence why.
        answered: uids of mails in the inbox that a mail program has marked as answered.
    """

    messages: tuple[Message, ...]
    cursor: Cursor | None
    unreadable: tuple[tuple[str, str], ...] = ()
    answered: tuple[str, ...] = ()
