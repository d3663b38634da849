"""What a server tells of a mail, read: how it is listed, its key, and its RFC 5322 bytes."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from appliance.mailbox.exchange.models import (
    LAST_VERB,
    MESSAGE_ID,
    RECEIVED,
    SEARCH_KEY,
    SENT,
    TAGS,
)
from appliance.mailbox.mailstore import Listed, Ref, Tag

LISTED: Final = (RECEIVED, "size", LAST_VERB)
"""What to ask for, for ``listed``."""

HEAD: Final = (
    "parent_folder_id",
    "headers",
    "conversation_id",
    SENT,
    MESSAGE_ID,
    SEARCH_KEY,
    TAGS[Tag.REPLY],
)
"""What to ask for, for ``head``; with ``mime_content`` for ``raw``."""

_UNKNOWN_AT_ONCE: Final = 10
"""So many mails are asked for at once whose size the server does not tell."""

_ANSWERS: Final = frozenset({102, 103})
"""Reply to sender, reply to all."""

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
        conversation: the server's id of its conversation, or empty.
    """

    ref: Ref
    key: str
    folder: str
    headers: tuple[tuple[str, str], ...]
    reply: str
    conversation: str


def listed(item: Any) -> Listed | None:
    """A mail as a list of its folder holds it; None where it has no id."""
    if not item.id:
        return None
    return Listed(
        ref=Ref(item.id),
        received=moment(getattr(item, RECEIVED, None)),
        size=max(getattr(item, "size", None) or 0, 0),
        answered=getattr(item, LAST_VERB, None) in _ANSWERS,
    )


def moment(text: str | None) -> datetime | None:
    """A time of the server (ISO 8601), aware; some write nine digits behind the second."""
    try:
        time = datetime.fromisoformat((text or "").strip())
        aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def head(item: Any) -> Head | None:
    """A mail as GetItem tells of it; None where it has no id."""
    if not item.id:
        return None
    headers = tuple(_headers(item.headers or ()))
    message_id = (getattr(item, MESSAGE_ID) or "").strip()
    return Head(
        ref=Ref(item.id),
        key=_key(headers, message_id, item),
        folder="" if item.parent_folder_id is None else item.parent_folder_id.id or "",
        headers=headers,
        reply=(getattr(item, TAGS[Tag.REPLY]) or "").strip(),
        conversation="" if item.conversation_id is None else item.conversation_id.id or "",
    )


def damaged(ref: Ref) -> Head:
    """What can be said of a mail that the server cannot read itself: its id, while it stays."""
    return Head(
        ref=ref,
        key=hashlib.sha256(ref.encode()).hexdigest()[:40],
        folder="",
        headers=(),
        reply="",
        conversation="",
    )


def raw(headers: Sequence[tuple[str, str]], content: bytes) -> bytes:
    """RFC 5322 bytes: the headers a mail came with over the structure of its MIME content.

    Servers make MIME content anew and leave headers out of it, Auto-Submitted and List-Id among
    them. Where the mail has no headers from a journey, those of the content count.
    """
    if not any(name.lower() == "from" for name, _ in headers):
        return content
    # Content may begin with the blank line that ends its header.
    content = b"\r\n" + content
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


def _headers(told: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Name and value; no value can end its line, or the block."""
    for one in told:
        name = (one.name or "").strip()
        if _NAME.fullmatch(name):
            yield name, _BREAK.sub(" ", one.value or "").strip()


def _structure(block: bytes) -> Iterator[bytes]:
    for one in _FIELD.findall(block):
        if one.lower().startswith(_STRUCTURE):
            yield one.rstrip(b"\r\n") + b"\r\n"


def _key(headers: Sequence[tuple[str, str]], message_id: str, item: Any) -> str:
    """Received lines tell two deliveries apart; without any, the store's own marks must."""
    told = [
        f"{name.lower()}:{_BLANK.sub(' ', value).strip()}"
        for name, value in headers
        if not name.lower().startswith("content-")
    ]
    if not any(one.startswith("received:") for one in told):
        sent = moment(getattr(item, SENT))
        search = (getattr(item, SEARCH_KEY) or b"").hex()
        told = [message_id, search, "" if sent is None else sent.isoformat()]
    return hashlib.sha256("\n".join(told).encode("utf-8", "replace")).hexdigest()[:40]
