"""What a client may write into a message: names, types and moments, as the documentation has them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tests.servers.graph_errors import bad_request, read_only
from tests.servers.graph_store import Headers, Item

ALWAYS: Final = frozenset(
    "isRead categories importance flag inferenceClassification singleValueExtendedProperties "
    "isReadReceiptRequested isDeliveryReceiptRequested".split()
)
ON_DRAFTS: Final = frozenset(
    "subject body toRecipients ccRecipients bccRecipients replyTo from sender "
    "internetMessageId".split()
)
NEVER: Final = frozenset(
    "id changeKey createdDateTime lastModifiedDateTime receivedDateTime sentDateTime "
    "hasAttachments bodyPreview parentFolderId conversationId conversationIndex isDraft webLink "
    "uniqueBody attachments".split()
)
MOST_HEADERS: Final = 5
COMPUTED: Final = frozenset({"Integer 0x0e08", "Long 0x0e08", "String 0x007d"})
"""Extended properties that only the store itself can set: the size, the transport headers."""

_TYPES: Final = "Binary Boolean CLSID Currency Double Float Integer Long Short String SystemTime"
_GUID: Final = r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?"
_TAG: Final = re.compile(r"(\w+) 0x([0-9a-f]{1,4})", re.IGNORECASE)
_NAMED: Final = re.compile(rf"(\w+) {_GUID} Name (\S.*)", re.IGNORECASE)
_NUMBERED: Final = re.compile(rf"(\w+) {_GUID} Id (0x[0-9a-f]{{1,8}})", re.IGNORECASE)


def property_id(told: object) -> str:
    """An id of an extended property in its normal form; guids and numbers have no case."""
    if isinstance(told, str):
        if tag := _TAG.fullmatch(told):
            return f"{_type(tag[1])} 0x{int(tag[2], 16):04x}"
        if named := _NAMED.fullmatch(told):
            return f"{_type(named[1])} {{{named[2].lower()}}} Name {named[3]}"
        if numbered := _NUMBERED.fullmatch(told):
            return f"{_type(numbered[1])} {{{numbered[2].lower()}}} Id {numbered[3].lower()}"
    raise _bad_property("The extended property id is not of a supported form.")


def _type(told: str) -> str:
    found = next((one for one in _TYPES.split() if one.lower() == told.lower()), None)
    if found is None:
        raise _bad_property(f"'{told}' is no type of an extended property.")
    return found


def _bad_property(message: str) -> Exception:
    return bad_request(message, "ErrorInvalidExtendedProperty")


def _wrong(name: str, kind: str) -> Exception:
    return bad_request(
        f"Cannot convert the value of property '{name}' to the expected type '{kind}'.",
        "RequestBodyRead",
    )


def extended(told: object) -> dict[str, str]:
    """A collection of single-value extended properties by normal id; values are always strings."""
    found: dict[str, str] = {}
    for one in _collection("singleValueExtendedProperties", told):
        if not isinstance(one, dict) or set(_plain(one)) != {"id", "value"}:
            raise _wrong("singleValueExtendedProperties", "singleValueLegacyExtendedProperty")
        name = property_id(one["id"])
        if name in COMPUTED:
            raise read_only(name)
        if not isinstance(one["value"], str):
            raise _wrong("value", "Edm.String")
        found[name] = _checked(name, one["value"])
    return found


def _checked(name: str, value: str) -> str:
    kind = name.partition(" ")[0]
    if kind in {"Integer", "Long", "Short"} and not re.fullmatch(r"[+-]?\d+", value):
        raise _bad_property(f"The value is no {kind}.")
    if kind == "Boolean" and value.lower() not in {"true", "false"}:
        raise _bad_property("The value is no Boolean.")
    return value


def new_headers(told: object) -> Headers:
    """``internetMessageHeaders`` of a message that is being made."""
    given = _collection("internetMessageHeaders", told)
    if not 0 < len(given) <= MOST_HEADERS:
        raise bad_request(
            "The number of internet message headers is invalid; it should be more than 0 and "
            f"less than or equal to {MOST_HEADERS}.",
            "InvalidInternetMessageHeaderCollection",
        )
    return [_header(one) for one in given]


def _header(one: object) -> tuple[str, str]:
    if not isinstance(one, dict) or set(_plain(one)) != {"name", "value"}:
        raise _wrong("internetMessageHeaders", "internetMessageHeader")
    name, value = one["name"], one["value"]
    if not isinstance(name, str) or not isinstance(value, str):
        raise _wrong("internetMessageHeaders", "Edm.String")
    if not name.lower().startswith("x-") or not re.fullmatch(r"[!-9;-~]+", name):
        raise bad_request(
            f"The internet message header name '{name}' should start with 'x-' or 'X-'.",
            "InvalidInternetMessageHeader",
        )
    return name, value


def changes(told: Mapping[str, Any], item: Item | None) -> dict[str, Any]:
    """The plain properties of a body, checked; ``item`` None: it is being made.

    Raises:
        GraphError: unknown names, wrong types, what cannot be written (any more).
    """
    found: dict[str, Any] = {}
    for name, value in _plain(told).items():
        if name in {"singleValueExtendedProperties", "internetMessageHeaders"}:
            if item is not None and name == "internetMessageHeaders":
                raise read_only(name)
            continue
        if name in NEVER:
            raise read_only(name)
        if name not in ALWAYS | ON_DRAFTS:
            raise unknown_property(name)
        if item is not None and not item.draft and name in ON_DRAFTS:
            raise read_only(name)
        found[name] = _READERS[name](name, value)
    return found


def unknown_property(name: str) -> Exception:
    """What a name answers that the schema does not have."""
    return bad_request(
        f"The property '{name}' does not exist on type 'microsoft.graph.message'. Make sure to "
        "only use property names that are defined by the type.",
        "RequestBodyRead",
    )


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if "@odata." not in name}


def _collection(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(name, "Collection")
    return value


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(name, "Edm.String")
    return value


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, "Edm.Boolean")
    return value


def _strings(name: str, value: object) -> list[str]:
    return [_string(name, one) for one in _collection(name, value)]


def _choice(name: str, value: object, *known: str) -> str:
    told = _string(name, value).lower()
    if told not in known:
        raise _wrong(name, name)
    return told


def _recipient(name: str, value: object) -> dict[str, Any]:
    inner = value.get("emailAddress") if isinstance(value, dict) else None
    if not isinstance(inner, dict) or not set(_plain(inner)) <= {"name", "address"}:
        raise _wrong(name, "microsoft.graph.recipient")
    address = _string("address", inner.get("address", ""))
    shown = _string("name", inner.get("name") or address)
    return {"emailAddress": {"name": shown, "address": address}}


def _optional_recipient(name: str, value: object) -> dict[str, Any] | None:
    return None if value is None else _recipient(name, value)


def _recipients(name: str, value: object) -> list[dict[str, Any]]:
    return [_recipient(name, one) for one in _collection(name, value)]


def _body(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not set(_plain(value)) <= {"contentType", "content"}:
        raise _wrong(name, "microsoft.graph.itemBody")
    kind = _choice("contentType", value.get("contentType", "text"), "text", "html")
    return {"contentType": kind, "content": _string("content", value.get("content", ""))}


def _flag(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or "flagStatus" not in value:
        raise _wrong(name, "microsoft.graph.followupFlag")
    known = {"notflagged": "notFlagged", "complete": "complete", "flagged": "flagged"}
    return {"flagStatus": known[_choice("flagStatus", value["flagStatus"], *known)]}


def _importance(name: str, value: object) -> str:
    return _choice(name, value, "low", "normal", "high")


def _class(name: str, value: object) -> str:
    return _choice(name, value, "focused", "other")


_READERS: Final = {
    "isRead": _boolean,
    "categories": _strings,
    "importance": _importance,
    "flag": _flag,
    "inferenceClassification": _class,
    "isReadReceiptRequested": _boolean,
    "isDeliveryReceiptRequested": _boolean,
    "subject": _string,
    "body": _body,
    "toRecipients": _recipients,
    "ccRecipients": _recipients,
    "bccRecipients": _recipients,
    "replyTo": _recipients,
    "from": _optional_recipient,
    "sender": _optional_recipient,
    "internetMessageId": _string,
}


def seconds(moment: datetime) -> str:
    """A moment as JSON shows it, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
