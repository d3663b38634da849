"""An item of a mailbox: what it carries, and how a mail from outside becomes one."""

import html as html_entities
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tests.servers.ews_xml import Path, header_path, tag_path

if TYPE_CHECKING:
    from tests.servers.ews_store import Folder

MESSAGE_ID: Final = tag_path(0x1035)
IN_REPLY_TO: Final = tag_path(0x1042)
REFERENCES: Final = tag_path(0x1039)
TRANSPORT_HEADERS: Final = tag_path(0x007D)
SEARCH_KEY: Final = tag_path(0x300B, "Binary")
LAST_VERB: Final = tag_path(0x1081, "Integer")
LAST_VERB_TIME: Final = tag_path(0x1082, "SystemTime")
REPLIED: Final = "102"

STANDARD_HEADERS: Final = frozenset(
    "received from sender to cc bcc reply-to subject date message-id in-reply-to references "
    "mime-version content-type content-transfer-encoding content-disposition content-id "
    "content-language thread-topic thread-index return-path importance sensitivity".split()
)
"""Headers that have fields of their own; the others are InternetHeaders properties."""

ELEMENTS: Final = {
    "IPM.AbchPerson": "Person",
    "IPM.Appointment": "CalendarItem",
    "IPM.Contact": "Contact",
    "IPM.DistList": "DistributionList",
    "IPM.Post": "PostItem",
    "IPM.Schedule.Meeting.Canceled": "MeetingCancellation",
    "IPM.Schedule.Meeting.Notification": "MeetingMessage",
    "IPM.Schedule.Meeting.Request": "MeetingRequest",
    "IPM.Schedule.Meeting.Resp": "MeetingResponse",
    "IPM.Task": "Task",
}
"""As what an item is shown, by the beginning of its class; everything else is a Message."""

NO_MIME: Final = frozenset({"Contact", "DistributionList", "Person", "Task"})
"""What a server does not write down as MIME (ErrorUnsupportedMimeConversion)."""

NO_MESSAGES: Final = NO_MIME | {"CalendarItem", "PostItem"}
"""What has no properties of ``message:``."""

_PREFIX: Final = re.compile(r"^(?:\s*[^\s:：]{1,4}\s*[:：])+\s*")


@dataclass(frozen=True, slots=True)
class Box:
    """A name and an address, as in a From header."""

    name: str
    address: str


@dataclass(slots=True, kw_only=True, eq=False)
class Attachment:
    """``hidden``: it was added and will not leave with the mail."""

    id: str
    name: str
    media_type: str
    content: bytes
    inline: bool = False
    content_id: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A property's values as XML text, one unless its type is an array, and its path as given."""

    path: Path
    texts: tuple[str, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """A mail in a folder. ``raw`` are the bytes it came with; None: it was made here."""

    id: str
    folder: "Folder"
    change: int
    search_key: bytes
    received: datetime
    created: datetime
    modified: datetime
    raw: bytes | None = None
    received_line: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    item_class: str = "IPM.Note"
    subject: str = ""
    sender: Box | None = None
    author: Box | None = None
    to: list[Box] = field(default_factory=list)
    cc: list[Box] = field(default_factory=list)
    bcc: list[Box] = field(default_factory=list)
    reply_to: list[Box] = field(default_factory=list)
    message_id: str = ""
    in_reply_to: str = ""
    references: str = ""
    sent: datetime | None = None
    read: bool = False
    draft: bool = False
    from_me: bool = False
    categories: list[str] = field(default_factory=list)
    importance: str = "Normal"
    sensitivity: str = "Normal"
    conversation: str = ""
    topic: str = ""
    answers: bytes = b""
    attachments: list[Attachment] = field(default_factory=list)
    extended: dict[Path, Value] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    _body: tuple[str, bool] | None = None

    @property
    def change_key(self) -> str:
        return f"CQAAABYAAAB{self.change:08d}="

    @property
    def element(self) -> str:
        """The name of the element that it is shown as."""
        classes = (name for name in ELEMENTS if self.item_class.startswith(name))
        return ELEMENTS.get(next(classes, ""), "Message")

    @property
    def body(self) -> tuple[str, bool]:
        """The text, and whether it is HTML; parsed at the first look."""
        if self._body is None:
            self._open()
        assert self._body is not None
        return self._body

    @body.setter
    def body(self, body: tuple[str, bool]) -> None:
        self._body = body

    @property
    def text(self) -> str:
        """The body as plain text."""
        body, html = self.body
        return plain(body) if html else body

    @property
    def parts(self) -> list[Attachment]:
        """The attachments."""
        if self._body is None and self.raw is not None:
            self._open()
        return self.attachments

    @property
    def size(self) -> int:
        if self.raw is not None:
            return len(self.raw) + len(self.received_line)
        return len(self.body[0]) + sum(len(each.content) for each in self.attachments) + 500

    def _open(self) -> None:
        self._body = ("", False)
        if self.raw is not None:
            body, html, self.attachments = opened(self.raw, self.id)
            self._body = (body, html)

    def take_apart(self, raw: bytes) -> None:
        """Become what the mail says, and keep no bytes of it."""
        self.take_headers(raw)
        body, html, self.attachments = opened(raw, self.id)
        self._body = (body, html)

    def take_headers(self, raw: bytes) -> None:
        """Fill the fields from the header of a mail."""
        parsed = BytesHeaderParser(policy=compat32).parsebytes(raw)
        self.headers = [(name, unfolded(value)) for name, value in parsed.items()]
        self.subject = decoded(parsed.get("Subject"))
        self.author = next(iter(boxes(parsed, "From")), None)
        self.sender = next(iter(boxes(parsed, "Sender")), self.author)
        self.to, self.cc = boxes(parsed, "To"), boxes(parsed, "Cc")
        self.bcc, self.reply_to = boxes(parsed, "Bcc"), boxes(parsed, "Reply-To")
        self.message_id = unfolded(parsed.get("Message-ID", "")).strip()
        self.in_reply_to = unfolded(parsed.get("In-Reply-To", "")).strip()
        self.references = " ".join(unfolded(parsed.get("References", "")).split())
        self.sent = date(parsed.get("Date"))
        self.topic = topic(self.subject)
        if parsed.get_content_type() == "multipart/report":
            self.item_class = "REPORT.IPM.Note.NDR"

    def take_unknown_headers(self) -> None:
        """Make InternetHeaders properties of the headers that have no field."""
        for name, value in self.headers:
            if name.lower() not in STANDARD_HEADERS:
                path = header_path(name)
                self.extended[path] = Value(path, (value,))


def unfolded(value: object) -> str:
    """A header value on one line, decoded as UTF-8 where it is raw 8 bit."""
    text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"\r?\n[ \t]*", " ", text).strip()


def decoded(value: object) -> str:
    """A header value with its encoded words (RFC 2047) read."""
    if value is None:
        return ""
    text = unfolded(value)
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, UnicodeError, ValueError):
        return text


def boxes(parsed: Message, name: str) -> list[Box]:
    values = [unfolded(value) for value in parsed.get_all(name, [])]
    return [Box(decoded(name), address) for name, address in getaddresses(values) if address]


def date(value: object) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(value))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def topic(subject: str) -> str:
    """The subject without reply and forward prefixes (MS-OXOMSG §2.2.1.5)."""
    return _PREFIX.sub("", subject).strip()


def decoded_text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = (part.get_content_charset() or "utf-8").lower()
    charset = "gb18030" if charset in {"gb2312", "gbk", "x-gbk", "cp936"} else charset
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def plain(html: str) -> str:
    """Text of HTML, roughly as a server makes it."""
    html = re.sub(r"(?is)<(script|style|head).*?</\1>", "", html)
    html = re.sub(r"(?i)<br\s*/?>|</p>|</div>|</tr>", "\r\n", html)
    return html_entities.unescape(re.sub(r"(?s)<[^>]*>", "", html))


def opened(raw: bytes, item_id: str) -> tuple[str, bool, list[Attachment]]:
    """The body, whether it is HTML, and the attachments of a mail."""
    text: str | None = None
    html: str | None = None
    attachments: list[Attachment] = []
    for part in leaves(BytesParser(policy=compat32).parsebytes(raw)):
        attached = part.get_content_disposition() == "attachment" or part.get_filename()
        if part.get_content_type() == "text/plain" and text is None and not attached:
            text = decoded_text(part)
        elif part.get_content_type() == "text/html" and html is None and not attached:
            html = decoded_text(part)
        else:
            attachments.append(attachment(part, f"{item_id}#{len(attachments)}"))
    return (text or "", False, attachments) if html is None else (html, True, attachments)


def leaves(part: Message) -> list[Message]:
    """The parts that hold no others; a forwarded mail is one of them."""
    payload = part.get_payload()
    if isinstance(payload, list) and part.get_content_maintype() == "multipart":
        return [leaf for each in payload if isinstance(each, Message) for leaf in leaves(each)]
    return [part]


def attachment(part: Message, key: str) -> Attachment:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        inner = part.get_payload()
        forwarded = inner[0] if isinstance(inner, list) and inner else None
        payload = forwarded.as_bytes() if isinstance(forwarded, Message) else b""
    return Attachment(
        id=key,
        name=decoded(part.get_filename()) if part.get_filename() else "",
        media_type=part.get_content_type(),
        content=payload,
        inline=part.get_content_disposition() == "inline",
        content_id=unfolded(part.get("Content-ID", "")).strip("<>"),
    )
