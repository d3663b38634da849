"""Takes everything personal out of what was said to a mail service and keeps the shape of it.

What may stay is named here; whatever is not becomes a placeholder. The same address or id becomes
the same placeholder within one ``Placeholders``, so that it can still be seen who refers to whom.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from email.parser import BytesHeaderParser
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from appliance.mailbox.mailstore import PROPERTY_SET, Tag

_ADDRESS: Final = re.compile(r"[^@\s<>]{1,200}@[^@\s<>]{1,200}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_TYPE: Final = re.compile(
    r"[a-z]{1,20}/[a-z0-9.+-]{1,60}"
    r"(; ?(charset=\"?[a-z0-9-]{1,20}\"?|(odata\.[a-z]{1,20}|IEEE754Compatible)=[a-z]{1,8}))*",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_SCHEME: Final = re.compile(r"\b(NTLM|Negotiate|Basic|Bearer|Digest)\b", re.IGNORECASE)
_NAMES: Final = "|".join(tag.value for tag in Tag)
_PROPERTY: Final = re.compile(
    rf"[A-Z][A-Za-z]+ (?:0x[0-9A-Fa-f]{{2,4}}|\{{{PROPERTY_SET}\}} Name (?:{_NAMES}))",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[A-Za-z]+")
_SHORT: Final = re.compile(r"\D*\d{0,4}\D*")
_LITERAL: Final = re.compile(r"'((?:[^']|'')*)'")
_MARKS: Final = re.compile(r"[A-Za-z0-9 (),/:;=$.+-]*")
_CLAUSES: Final = frozenset(
    {"$select", "$top", "$orderby", "$count", "$filter", "$expand", "changeType"}
)
_HOSTS: Final = frozenset(
    {
        "graph.microsoft.com",
        "graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
        "outlook.office.com",
        "outlook.office365.com",
        "partner.outlook.cn",
        "127.0.0.1",
        "localhost",
    }
)
_STEPS: Final = frozenset(
    """v1.0 beta users me messages mailFolders childFolders delta createReply send sendMail move
    copy $metadata $value $batch $count attachments inbox drafts sentitems outbox deleteditems
    singleValueExtendedProperties subscriptions EWS Exchange.asmx permanentDelete
    archive msgfolderroot""".split()
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=\s]+")
_VOCABULARY: Final = frozenset(
    """eq ne ge gt le lt and or not any Any all true false null asc desc filter select expand ep id
    value subject from sender toRecipients ccRecipients bccRecipients replyTo body bodyPreview
    uniqueBody receivedDateTime sentDateTime createdDateTime lastModifiedDateTime isRead isDraft
    hasAttachments internetMessageId internetMessageHeaders conversationId conversationIndex
    parentFolderId changeKey categories flag importance size displayName totalItemCount
    unreadItemCount childFolderCount isHidden wellKnownName singleValueExtendedProperties
    attachments userPrincipalName mail created updated deleted name T Z""".split()
)
_LARGEST_MIME: Final = 2_000_000


class Placeholders:
    """Which placeholder stands for which value; in memory alone. For one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def named(self, kind: str, value: str) -> str:
        """``kind-N``; the same value of a kind gets the same N."""
        key = (kind, value)
        if key not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[key] = f"{kind}-{self._counts[kind]}"
        return self._known[key]

    def identifier(self, value: str) -> str:
        """For an id, a change key, a state or a token."""
        return self.named("id", value) if value else ""

    def text(self, value: str) -> str:
        """For whatever a person may have written; an address and a date keep that they are one."""
        bare = value.strip()
        if not bare:
            return ""
        if _DATE.fullmatch(bare):
            return re.sub(r"\d", "0", bare)
        if _ADDRESS.fullmatch(bare):
            return self.named("address", bare.lower())
        return f"text-{len(value)}-chars"


def redacted_url(url: str, placeholders: Placeholders) -> str:
    """An address, whole or relative, of which only words of the protocol stay."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return placeholders.text(url)
    if host and host not in _HOSTS:
        host = placeholders.named("host", host)
    scheme = parts.scheme if parts.scheme in {"http", "https"} else ""
    place = (f"{scheme}://{host}" if scheme else host) + (":port" if port else "")
    path = "/".join(_step(step, placeholders) for step in parts.path.split("/"))
    asked = "&".join(_option(name, value, placeholders) for name, value in query)
    return place + path + (f"?{asked}" if asked else "")


def _step(step: str, placeholders: Placeholders) -> str:
    plain = unquote(step)
    if not plain or plain in _STEPS:
        return plain
    if _ADDRESS.fullmatch(plain):
        return placeholders.text(plain)
    return placeholders.identifier(plain)


def _option(name: str, value: str, placeholders: Placeholders) -> str:
    shown = name if re.fullmatch(r"\$?[A-Za-z]{1,20}", name) else placeholders.text(name)
    if name in _CLAUSES:
        return f"{shown}={_clause(value, placeholders)}"
    return f"{shown}={placeholders.identifier(value)}"


def _clause(value: str, placeholders: Placeholders) -> str:
    """An OData expression: its own words stay, what it compares with does not."""
    pieces = _LITERAL.split(value)
    for at, piece in enumerate(pieces):
        if at % 2:
            pieces[at] = f"'{redacted_property(piece, placeholders)}'"
        elif _MARKS.fullmatch(piece) and _VOCABULARY.issuperset(_WORD.findall(piece)):
            pieces[at] = piece if _SHORT.fullmatch(piece) else re.sub(r"\d", "0", piece)
        else:
            return placeholders.text(value)
    return "".join(pieces)


def redacted_property(value: str, placeholders: Placeholders) -> str:
    """The id of an extended property stays where it is ours or has a number; else it is text."""
    return value if _PROPERTY.fullmatch(value) else placeholders.text(value)


def redacted_headers(headers: Mapping[str, str], placeholders: Placeholders) -> list[str]:
    """``name: value`` of an answer, one a line; of values only the harmless stay."""
    return [
        f"{header_name(name)}: {header_value(name, value, placeholders)}"
        for name, value in headers.items()
    ]


def header_name(name: str) -> str:
    """A header's name, or a placeholder for what is none."""
    return name if _HEADER.fullmatch(name) else f"name-{len(name)}-chars"


def header_value(name: str, value: str, placeholders: Placeholders) -> str:
    """A header's value as far as it is the protocol's own."""
    match name.lower():
        case "content-type" if _TYPE.fullmatch(value):
            return value
        case "content-length" | "retry-after" if _NUMBER.fullmatch(value):
            return value
        case "transfer-encoding" | "connection" | "content-encoding" if value.lower() in {
            "chunked",
            "close",
            "keep-alive",
            "gzip",
            "deflate",
        }:
            return value
        case "www-authenticate":
            return " ".join(_SCHEME.findall(value)) or placeholders.text(value)
        case "location":
            return redacted_url(value, placeholders)
        case _:
            return placeholders.text(value)


def mime_shape(content: bytes) -> str:
    """A mail's size and the names of its headers in order; ``content`` may be in base64."""
    raw = decoded(content)
    if len(raw) > _LARGEST_MIME:
        return f"mail-{len(raw)}-bytes"
    head = BytesHeaderParser().parsebytes(raw)
    names: Iterable[str] = (header_name(name) for name in head.keys())  # noqa: SIM118 - repeats count
    return f"mail-{len(raw)}-bytes ({' '.join(names)})"


def decoded(content: bytes) -> bytes:
    """``content`` without base64, where it looks like that."""
    if not _BASE64.fullmatch(content):
        return content
    try:
        return base64.b64decode(content)
    except binascii.Error:
        return content
