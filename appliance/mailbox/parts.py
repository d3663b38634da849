"""Walks the MIME tree once: which parts are the text, what is attached, what the types say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message as Part
from typing import Final

from appliance.domain.mail import Attachment
from appliance.mailbox.charset import decode, decode_header, decode_raw
from appliance.mailbox.clean import one_line
from appliance.mailbox.text import Body

MAX_PARTS: Final = 500
MAX_DEPTH: Final = 40
MAX_TEXT: Final = 4_000_000
MAX_PARAMETERS: Final = 4_000

_PARAMETRIC: Final = frozenset({"content-type", "content-disposition"})
# RFC 5546 §1.4, 3462 §3, 1847 §2, 8551 §3.2.2
_TELLING: Final = ("method", "report-type", "protocol", "smime-type")
_META: Final = re.compile(
    rb"<meta[^>]{0,200}charset\s{0,3}=[\s\"']{0,3}([\w.:-]{1,40})", re.IGNORECASE
)
_BROKEN: Final = (MessageError, ValueError, TypeError, LookupError, AttributeError, AssertionError)


@dataclass(slots=True)
class Contents:
    """What the walk found, in the order of the mail."""

    plain: list[Body] = field(default_factory=list)
    html: list[Body] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    oddities: set[str] = field(default_factory=set)


def media_type(part: Part) -> str:
    """The content type of a part, lower-case; ``text/plain`` where it is missing or broken."""
    try:
        return one_line(part.get_content_type(), 200).lower() or "text/plain"
    except _BROKEN:
        return "text/plain"


def charset(part: Part) -> str | None:
    """The charset that a part declares, or None."""
    return _parameter(part, "charset", "content-type") or None


def contents(root: Part) -> Contents:
    """The text bodies, attachments and types below ``root``.

    What an attached mail holds is not looked into: it is not the sender's own text. Of
    alternatives the plain and the HTML form are both kept; bodies in a row are one text.
    """
    found = Contents()
    stack: list[tuple[Part, int]] = [(root, 0)]
    while stack and len(found.types) < MAX_PARTS:
        part, depth = stack.pop()
        _mend(part)
        kind = media_type(part)
        found.types.append(_described(part, kind))
        children = list(_children(part, kind)) if depth < MAX_DEPTH else []
        if children:
            stack.extend((child, depth + 1) for child in reversed(children))
        elif not kind.startswith("multipart/"):
            _leaf(part, kind, found)
        elif depth == 0:
            # A multipart without its boundary: what can be read is read as plain text.
            found.oddities.add("malformed")
            _add_body(part, "text/plain", found)
    if stack:
        found.oddities.add("truncated")
    return found


def _mend(part: Part) -> None:
    """Cuts and decodes the fields with parameters, which the standard parser would not.

    It takes quadratic time for long ones and loses raw 8-bit bytes.
    """
    for name, value in tuple(part.raw_items()):
        if name.lower() in _PARAMETRIC:
            text = decode_raw(str(value)[:MAX_PARAMETERS])
            if text != value:
                part.replace_header(name, text)


def _children(part: Part, kind: str) -> Iterator[Part]:
    if kind.startswith("multipart/") and part.is_multipart():
        yield from (child for child in part.get_payload() if isinstance(child, Part))


def _leaf(part: Part, kind: str, found: Contents) -> None:
    disposition = _disposition(part)
    name = _name(part)
    is_text = kind in ("text/plain", "text/html") and disposition != "attachment"
    if is_text and not (name and _holds_text(found)):
        _add_body(part, kind, found)
        return
    if kind == "text/calendar" and disposition != "attachment" and not name:
        return
    found.attachments.append(
        Attachment(
            name=name or f"attachment-{len(found.attachments) + 1}",
            media_type=kind,
            size=_size(part),
            inline=disposition == "inline" or "content-id" in part,
        )
    )


def _holds_text(found: Contents) -> bool:
    return bool(found.plain or found.html)


def _add_body(part: Part, kind: str, found: Contents) -> None:
    raw = _payload(part)
    if len(raw) > MAX_TEXT:
        found.oddities.add("truncated")
    label = charset(part) or (_own_charset(raw) if kind == "text/html" else None)
    decoded = decode(raw[:MAX_TEXT], label)
    found.oddities.update(decoded.oddities)
    body = Body(
        text=decoded.text,
        media_type=kind,
        flowed=_parameter(part, "format", "content-type").lower() == "flowed",
        delete_space=_parameter(part, "delsp", "content-type").lower() == "yes",
    )
    (found.html if kind == "text/html" else found.plain).append(body)


def _own_charset(raw: bytes) -> str | None:
    """What an HTML document says of itself (HTML Living Standard §13.2.3.2)."""
    match = _META.search(raw[:2_048])
    return match[1].decode("ascii") if match else None


def _payload(part: Part) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (*_BROKEN, RecursionError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def _size(part: Part) -> int:
    """Bytes after transfer decoding; of an attached mail, those of all its bodies."""
    return sum(len(_payload(each)) for each in part.walk())


def _disposition(part: Part) -> str:
    try:
        return (part.get_content_disposition() or "").lower()
    except _BROKEN:
        return ""


def _name(part: Part) -> str:
    """The file name without its path, or nothing (RFC 2183 §2.3, 2231, and encoded words)."""
    name = _parameter(part, "filename", "content-disposition") or _parameter(
        part, "name", "content-type"
    )
    return name.replace("\\", "/").rpartition("/")[2].strip(". ")[:200]


def _parameter(part: Part, name: str, header: str) -> str:
    try:
        value = part.get_param(name, header=header)
    except _BROKEN:
        return ""
    if isinstance(value, tuple):
        label, _, encoded = value
        raw = encoded.encode("latin-1", "surrogateescape" if encoded.isascii() else "replace")
        return one_line(decode(raw, label).text)
    return one_line(decode_header(value)) if isinstance(value, str) else ""


def _described(part: Part, kind: str) -> str:
    parameters = ((name, _parameter(part, name, "content-type").lower()) for name in _TELLING)
    return "; ".join((kind, *(f"{name}={value}" for name, value in parameters if value)))
