"""Microsoft Graph's JSON of a mail and ours: extended properties, times, drafts."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from appliance.domain.draft import Reply
from appliance.domain.mail import MessageId
from appliance.mailbox.clean import one_line
from appliance.mailbox.compose import MAX_REFERENCES, wire_address
from appliance.mailbox.mailstore import PROPERTY_SET, Tag

ANSWERED: Final = "Integer 0x1081"
"""PidTagLastVerbExecuted (MS-OXOMSG §2.2.1.81): what a mail program last did with the mail."""

SIZE: Final = "Integer 0xe08"
"""PidTagMessageSize, in bytes (MS-OXCMSG §2.2.1.7)."""

REPLIED: Final = "102"
_REPLIES: Final = frozenset({REPLIED, "103"})

_IN_REPLY_TO: Final = "String 0x1042"
_REFERENCES: Final = "String 0x1039"
_INTERNET_HEADERS: Final = "00020386-0000-0000-c000-000000000046"
"""PS_INTERNET_HEADERS: a property of it becomes a header (MS-OXCMAIL §2.1.3.2.16)."""

_MOST_HEADERS: Final = 5
_LONGEST_HEADER: Final = 900
_HEADER_NAME: Final = re.compile(r"[!-9;-~]{1,70}")
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_ZEROS: Final = re.compile(r"(?<=\b0x)0+(?=[0-9a-f])")
_NEWLINE: Final = re.compile(r"\r\n|[\r\n\u0085\u2028\u2029]")
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OWN: Final = frozenset(
    "bcc cc content-transfer-encoding content-type date from in-reply-to message-id mime-version "
    "references reply-to sender subject to".split()
)


def named(name: str) -> str:
    """Graph's name of a named property of ours."""
    return f"String {{{PROPERTY_SET}}} Name {name}"


def tag_id(tag: Tag) -> str:
    """Graph's name of a tag."""
    return named(tag.value)


def expand(*ids: str) -> str:
    """The ``$expand`` that brings these extended properties along."""
    chosen = " or ".join(f"id eq '{one}'" for one in ids)
    return f"singleValueExtendedProperties($filter={chosen})"


def properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Extended properties as they are written."""
    return [{"id": id_, "value": value} for id_, value in values.items()]


def prop(item: Mapping[str, Any], id_: str) -> str:
    """The value of an extended property that came along, or empty."""
    found = item.get("singleValueExtendedProperties")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and _same(str(one.get("id"))) == _same(id_):
            return str(one.get("value", ""))
    return ""


def _same(id_: str) -> str:
    # The server writes 0xe08 for 0x0E08, and braces' contents in its own case.
    return _ZEROS.sub("", id_.casefold())


def answered(item: Mapping[str, Any]) -> bool:
    """Somebody replied to the mail with a mail program; ``ANSWERED`` has to have come along."""
    return prop(item, ANSWERED) in _REPLIES


def size(item: Mapping[str, Any]) -> int:
    """Bytes, or 0 where ``SIZE`` did not come along."""
    told = prop(item, SIZE)
    return int(told) if told.isdecimal() else 0


def moment(item: Mapping[str, Any]) -> datetime | None:
    """When the mail was received, where the item tells."""
    try:
        return datetime.fromisoformat(str(item.get("receivedDateTime"))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def told(when: datetime) -> str:
    """A time as Graph takes it, in whole seconds, rounded down."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def content(reply: Reply) -> dict[str, Any]:
    """What of a draft can be set at any time: the text, who writes to whom, and the Message-ID.

    Raises:
        ReplyRefused: sender or recipient is not one plain address.
    """
    return {
        "subject": one_line(reply.subject),
        "body": {"contentType": "text", "content": _text(reply.text)},
        "toRecipients": [_person(reply.recipient_name, wire_address(reply.recipient, utf8=True))],
        "ccRecipients": [],
        "bccRecipients": [],
        "replyTo": [],
        "from": _person(reply.sender_name, wire_address(reply.sender, utf8=True)),
        "internetMessageId": f"<{reply.id}>",
    }


def message_headers(reply: Reply) -> list[dict[str, str]]:
    """What Graph takes as ``internetMessageHeaders`` when a draft is made: x- and five at most."""
    return [
        {"name": name, "value": value}
        for name, value in _further(reply)
        if name.lower().startswith("x-")
    ][:_MOST_HEADERS]


def header_properties(reply: Reply) -> dict[str, str]:
    """The headers that Graph has no other way for, as properties: Auto-Submitted, a sixth x-.

    The protocol's documents have them written into mail that leaves; Graph's do not say so.
    """
    taken = {header["name"] for header in message_headers(reply)}
    return {
        f"String {{{_INTERNET_HEADERS}}} Name {name}": value
        for name, value in _further(reply)
        if name not in taken
    }


def thread_properties(reply: Reply) -> dict[str, str]:
    """In-Reply-To and References as properties; of many references the first and the newest."""
    ids = [one for one in reply.references if _ID.fullmatch(one)]
    kept = ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[1 - MAX_REFERENCES :]]
    parent = [] if reply.in_reply_to is None else [reply.in_reply_to]
    return {
        id_: " ".join(f"<{one}>" for one in these)
        for id_, these in (
            (_IN_REPLY_TO, [one for one in parent if _ID.fullmatch(one)]),
            (_REFERENCES, kept),
        )
        if these
    }


def bracketed(ids: Iterable[MessageId]) -> list[str]:
    """Message-IDs as Graph writes them; those that can be none are left out."""
    return [f"<{one}>" for one in ids if _ID.fullmatch(one)]


def _further(reply: Reply) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for name, value in reply.headers:
        text = one_line(value, _LONGEST_HEADER)
        if _HEADER_NAME.fullmatch(name) and name.lower() not in _OWN and text:
            found.setdefault(name, text)
    return list(found.items())


def _person(name: str, address: str) -> dict[str, dict[str, str]]:
    return {"emailAddress": {"name": one_line(name, 200), "address": address}}


def _text(text: str) -> str:
    lines = _FORBIDDEN.sub("", _NEWLINE.sub("\n", text))
    return lines.encode("utf-8", "replace").decode("utf-8").replace("\n", "\r\n")
