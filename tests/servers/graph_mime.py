"""Raw mails as Graph's properties, and messages that the API made as raw mails (RFC 5322)."""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import Header, decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import format_datetime, formataddr, getaddresses, parsedate_to_datetime
from typing import Any, Final

from tests.servers.graph_store import Headers, Item

_ID: Final = re.compile(r"<[^<>\s]+>")
IN_REPLY_TO: Final = "String 0x1042"
REFERENCES: Final = "String 0x1039"
NAMED_HEADER: Final = "String {00020386-0000-0000-c000-000000000046} Name "
"""PS_INTERNET_HEADERS: such a property leaves as the header of its name (MS-OXCMAIL 2.1.3.2.4)."""
_MAPPED: Final = frozenset(
    "from sender to cc bcc reply-to subject date message-id in-reply-to references mime-version "
    "content-type content-transfer-encoding importance".split()
)
"""Headers that other properties make; a named one does not outrule those."""


def fields_of(raw: bytes) -> Headers:
    """Header names and unfolded values as they came, undecoded."""
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0].decode("utf-8", "replace")
    lines = re.sub(r"\r?\n[ \t]+", " ", head).splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def first(headers: Headers, name: str) -> str:
    """The first value of a header, whatever its case, or an empty string."""
    return next((value for key, value in headers if key.lower() == name.lower()), "")


def decoded(value: str) -> str:
    """A header value with its encoded words made readable."""
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return value


def ids_in(*values: str) -> list[str]:
    """Message-IDs with their angle brackets, in order."""
    return [found for value in values for found in _ID.findall(value)]


def recipients(headers: Headers, name: str) -> list[dict[str, Any]]:
    """A header of addresses as Graph's recipients."""
    values = [value for key, value in headers if key.lower() == name.lower()]
    pairs = getaddresses(values)
    return [person(address, decoded(shown)) for shown, address in pairs if address]


def person(address: str, name: str = "") -> dict[str, Any]:
    """One recipient; where there is no name, Graph shows the address."""
    return {"emailAddress": {"name": name or address, "address": address}}


def moment(value: str, otherwise: datetime) -> datetime:
    """A Date header, aware."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError):
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def properties_of(raw: bytes, headers: Headers, received: datetime) -> dict[str, Any]:
    """The fields of a mail that came; the body is read when somebody asks for it."""
    authors = recipients(headers, "From")
    author = authors[0] if authors else None
    senders = recipients(headers, "Sender")
    kind = first(headers, "Content-Type").lower()
    return {
        "subject": decoded(first(headers, "Subject")),
        "from": author,
        "sender": senders[0] if senders else author,
        "toRecipients": recipients(headers, "To"),
        "ccRecipients": recipients(headers, "Cc"),
        "bccRecipients": recipients(headers, "Bcc"),
        "replyTo": recipients(headers, "Reply-To"),
        "internetMessageId": (ids_in(first(headers, "Message-ID")) or [""])[0],
        "sentDateTime": moment(first(headers, "Date"), received),
        "hasAttachments": "multipart/mixed" in kind,
        "isRead": False,
        "categories": [],
        "importance": "normal",
    }


def body_of(raw: bytes) -> dict[str, str]:
    """The text of a mail as an itemBody, html where the mail has it."""
    found: dict[str, str] = {}
    for part in message_from_bytes(raw).walk():
        kind = part.get_content_type()
        if kind in {"text/plain", "text/html"} and "attachment" not in str(
            part.get("Content-Disposition", "")
        ):
            found.setdefault("html" if kind == "text/html" else "text", _text(part))
    kind = "html" if "html" in found else "text"
    return {"contentType": kind, "content": found.get(kind, "")}


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(str(part.get_content_charset("utf-8")), "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def as_html(body: Mapping[str, str]) -> str:
    """A body as Graph shows it where nobody prefers text."""
    if body["contentType"] == "html":
        return body["content"]
    lines = html.escape(body["content"]).replace("\r\n", "\n").replace("\n", "<br>\r\n")
    head = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
    return (
        f"<html><head>\r\n{head}</head><body>\r\n"
        f'<div class="PlainText">{lines}</div>\r\n</body></html>\r\n'
    )


def as_text(body: Mapping[str, str]) -> str:
    """A body without its markup."""
    if body["contentType"] == "text":
        return body["content"]
    content = re.sub(r"(?is)<(head|style|script).*?</\1>", "", body["content"])
    content = re.sub(r"\s*\r?\n\s*", " ", content)
    content = re.sub(r"(?i)<br\s*/?>|</(p|div|tr|h\d)>", "\n", content)
    return html.unescape(re.sub(r"<[^>]*>", "", content)).strip() + "\n"


def render(item: Item, owner: Mapping[str, Any], *, bcc: bool, named_headers: bool = True) -> bytes:
    """What the API made, as the mail that it is; ``bcc``: as the store keeps it, not as it leaves."""
    told = item.fields
    sender = told["from"] or owner
    people = [("From", [sender]), ("To", told["toRecipients"]), ("Cc", told["ccRecipients"])]
    if told["sender"] and told["sender"] != sender:
        people.insert(1, ("Sender", [told["sender"]]))
    if bcc:
        people.append(("Bcc", told["bccRecipients"]))
    people.append(("Reply-To", told["replyTo"]))
    lines = [(name, ", ".join(map(_mailbox, some))) for name, some in people if some]
    lines.append(("Subject", told["subject"]))
    lines.append(("Date", format_datetime(told["sentDateTime"] or item.created)))
    lines += [*threading_of(item), *item.headers, *(_named(item) if named_headers else ())]
    head = "".join(f"{name}: {_folded(name, value)}\r\n" for name, value in lines)
    mail = EmailMessage(policy=policy.SMTP)
    _fill(mail, told["body"])
    return head.encode() + bytes(mail)


def threading_of(item: Item) -> Headers:
    """Message-ID and what it answers; properties by tag outrule what createReply found."""
    told = item.properties
    pairs = [
        ("Message-ID", item.fields["internetMessageId"]),
        ("In-Reply-To", told.get(IN_REPLY_TO, "")),
        ("References", told.get(REFERENCES, "")),
    ]
    return [(name, value) for name, value in pairs if value]


def _named(item: Item) -> Headers:
    pairs = [
        (key.removeprefix(NAMED_HEADER), value)
        for key, value in item.properties.items()
        if key.startswith(NAMED_HEADER)
    ]
    reserved = ("x-microsoft-exchange-organization", "x-microsoft-exchange-forest")
    return [
        (name, value)
        for name, value in pairs
        if name.lower() not in _MAPPED and not name.lower().startswith(reserved)
    ]


def _mailbox(one: Mapping[str, Any]) -> str:
    told = one["emailAddress"]
    name = re.sub(r"[\r\n]+", " ", told.get("name") or "")
    return formataddr(("" if name == told["address"] else name, told["address"]))


def _folded(name: str, value: str) -> str:
    value = re.sub(r"[\r\n]+[ \t]*", " ", value)
    charset = None if value.isascii() else "utf-8"
    return Header(value, charset, header_name=name).encode(linesep="\r\n")


def _fill(mail: EmailMessage, body: Mapping[str, str]) -> None:
    mail.set_content(as_text(body), cte="quoted-printable")
    if body["contentType"] == "html":
        mail.add_alternative(body["content"], subtype="html", cte="quoted-printable")
