"""What a server tells of a mail, read: how it is listed, its key, and its RFC 5322 bytes."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from appliance.mailbox.exchange.elements import Element, Property, every, field, id_of, text_of
from appliance.mailbox.mailstore import Listed, Ref, Tag

MESSAGE_ID: Final = Property(tag=0x1035)
"""PidTagInternetMessageId, in angle brackets; servers ignore the schema's own property."""

REFERENCES: Final = Property(tag=0x1039)
"""PidTagInternetReferences: ids in angle brackets, the first of the thread first."""

SEARCH_KEY: Final = Property(tag=0x300B, type="Binary")
"""PidTagSearchKey: stays when a mail is moved."""

LAST_VERB: Final = Property(tag=0x1081, type="Integer")
"""PidTagLastVerbExecuted (MS-OXOMSG §2.2.1.16)."""

ICON: Final = Property(tag=0x1080, type="Integer")
"""PidTagIconIndex: how a mail program paints the mail."""

REPLIED: Final = 102
REPLIED_ICON: Final = 0x105

_ANSWERS: Final = frozenset({"102", "103"})
"""Reply to sender, reply to all."""

TAGS: Final = {tag: Property(name=tag.value) for tag in Tag}


_HEAD: Final = (
    "item:ParentFolderId",
    "item:InternetMessageHeaders",
    "item:DateTimeSent",
    "item:ConversationId",
    "item:Size",
)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?\s?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_UNKNOWN_AT_ONCE: Final = 10
"""So many mails are asked for at once whose size the server does not tell."""

_NAME: Final = re.compile(r"[!-9;-~]{1,200}")
_BREAK: Final = re.compile(r"[\r\n\x00]+[ \t]*")
_BLANK: Final = re.compile(r"\s+")
_END: Final = re.compile(rb"\r?\n\r?\n")
_FIELD: Final = re.compile(rb"[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n?")
_STRUCTURE: Final = (b"content-", b"mime-version:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of a mail without its text.

    Attributes:
        key: as ``Mail.key``.
        folder: the server's id of the folder it lies in.
        headers: those it came with, in order; empty where it never travelled.
        reply: the value of ``Tag.REPLY``, or empty.
        message_id: without brackets, or empty.
        conversation: the server's id of its conversation, or empty.
    """

    ref: Ref
    change_key: str
    key: str
    folder: str
    headers: tuple[tuple[str, str], ...]
    reply: str
    message_id: str
    conversation: str


def head_uris(*, mime: bool) -> list[Element]:
    """What to ask for, for ``head`` and, with ``mime``, for ``raw``."""
    wanted = (*_HEAD, "item:MimeContent") if mime else _HEAD
    properties = (MESSAGE_ID, SEARCH_KEY, TAGS[Tag.REPLY])
    return [*(field(uri) for uri in wanted), *(one.uri() for one in properties)]


def listed_uris() -> list[Element]:
    """What to ask for, for ``listed``."""
    return [field("item:DateTimeReceived"), field("item:Size"), LAST_VERB.uri()]


def listed(item: Element) -> Listed | None:
    """A mail as a list of its folder holds it; None where it has no id."""
    found = id_of(item)
    if found is None:
        return None
    size = text_of(item, "t:Size") or ""
    return Listed(
        ref=Ref(found[0]),
        received=moment(text_of(item, "t:DateTimeReceived")),
        size=int(size) if size.isdecimal() and size.isascii() else 0,
        answered=LAST_VERB.of(item) in _ANSWERS,
    )


def moment(text: str | None) -> datetime | None:
    """A time of the server (ISO 8601), aware; some write nine digits behind the second."""
    match = _TIME.fullmatch((text or "").strip())
    if match is None:
        return None
    try:
        bare = datetime.fromisoformat(match[1])
    except ValueError:
        return None
    zone = match[3] or "Z"
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        offset = -offset if zone[0] == "-" else offset
    fraction = int((match[2] or "0")[:6].ljust(6, "0"))
    try:
        return bare.replace(microsecond=fraction, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def head(item: Element) -> Head | None:
    """A mail as GetItem tells of it; None where it has no id."""
    found = id_of(item)
    if found is None:
        return None
    headers = tuple(_headers(item))
    message_id = (MESSAGE_ID.of(item) or "").strip()
    folder = id_of(item, "t:ParentFolderId")
    conversation = id_of(item, "t:ConversationId")
    return Head(
        ref=Ref(found[0]),
        change_key=found[1],
        key=_key(headers, message_id, item),
        folder="" if folder is None else folder[0],
        headers=headers,
        reply=(TAGS[Tag.REPLY].of(item) or "").strip(),
        message_id=message_id.strip("<>"),
        conversation="" if conversation is None else conversation[0],
    )


def damaged(ref: Ref) -> Head:
    """What can be said of a mail that the server cannot read itself: its id, while it stays."""
    return Head(
        ref=ref,
        change_key="",
        key=hashlib.sha256(ref.encode()).hexdigest()[:40],
        folder="",
        headers=(),
        reply="",
        message_id="",
        conversation="",
    )


def mime(item: Element) -> bytes | None:
    """The MIME content of an item, which the server may have made anew; None without any."""
    text = text_of(item, "t:MimeContent")
    if not text:
        return None
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None


def raw(headers: Sequence[tuple[str, str]], content: bytes) -> bytes:
    """RFC 5322 bytes: the headers a mail came with over the structure of its MIME content.

    Servers make MIME content anew and leave headers out of it, Auto-Submitted and List-Id among
    them. Where the mail has no headers from a journey, those of the content count.
    """
    if not any(name.lower() == "from" for name, _ in headers):
        return content
    end = _END.search(content)
    block = content if end is None else content[: end.start()] + b"\r\n"
    body = b"" if end is None else content[end.end() :]
    structure = b"".join(_structure(block))
    told = b"".join(
        f"{name}: {value}\r\n".encode()
        for name, value in headers
        if not f"{name.lower()}:".encode().startswith(_STRUCTURE)
    )
    return told + structure + b"\r\n" + body


def groups(wanted: Iterable[Listed], at_once: int, most: int) -> Iterator[list[Listed]]:
    """Mails to ask for in one request: ``at_once`` bytes, a larger one alone, ``most`` of them."""
    group: list[Listed] = []
    weight = 0
    for one in wanted:
        size = one.size or at_once // _UNKNOWN_AT_ONCE
        if group and (weight + size > at_once or len(group) == most):
            yield group
            group, weight = [], 0
        group.append(one)
        weight += size
    if group:
        yield group


def _headers(item: Element) -> Iterator[tuple[str, str]]:
    """Name and value; no value can end its line, or the block."""
    for one in every(item, "t:InternetMessageHeaders/t:InternetMessageHeader"):
        name = (one.get("HeaderName") or "").strip()
        if _NAME.fullmatch(name):
            yield name, _BREAK.sub(" ", one.text or "").strip()


def _structure(block: bytes) -> Iterator[bytes]:
    for one in _FIELD.findall(block):
        if one.lower().startswith(_STRUCTURE):
            yield one.rstrip(b"\r\n") + b"\r\n"


def _key(headers: Sequence[tuple[str, str]], message_id: str, item: Element) -> str:
    """Received lines tell two deliveries apart; without any, the store's own marks must."""
    told = [
        f"{name.lower()}:{_BLANK.sub(' ', value).strip()}"
        for name, value in headers
        if not name.lower().startswith("content-")
    ]
    if not any(one.startswith("received:") for one in told):
        sent = moment(text_of(item, "t:DateTimeSent"))
        told = [message_id, SEARCH_KEY.of(item) or "", "" if sent is None else sent.isoformat()]
    return hashlib.sha256("\n".join(told).encode("utf-8", "replace")).hexdigest()[:40]
