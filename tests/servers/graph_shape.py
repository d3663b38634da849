"""Messages and folders of the Graph server as JSON: ``$select``, ``$expand``, either kind of id."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tests.servers import graph_mime
from tests.servers.graph_errors import bad_request
from tests.servers.graph_query import no_property
from tests.servers.graph_store import Folder, Item, Store
from tests.servers.graph_values import property_id, seconds

_EXPAND: Final = re.compile(r"singleValueExtendedProperties\(\s*\$filter=(.*)\)", re.IGNORECASE)
_ID_IS: Final = re.compile(r"\s*id eq '((?:[^']|'')*)'\s*", re.IGNORECASE)
UNREAD: Final = 0x0
READ_FLAG: Final = 0x1
UNSENT_FLAG: Final = 0x8


def owner_of(store: Store) -> dict[str, Any]:
    """The mailbox itself as a recipient."""
    return graph_mime.person(store.address, store.name)


def raw_of(store: Store, item: Item) -> bytes:
    """The MIME content of a message, with the Received line that delivery put on it."""
    if item.given is not None:
        return item.trace + item.given
    return item.sent or graph_mime.render(item, owner_of(store), bcc=True)


def body_of(item: Item) -> dict[str, str]:
    """Its body; that of a delivered mail is read at the first need."""
    if "body" not in item.fields:
        item.fields["body"] = graph_mime.body_of(item.given or b"")
    body: dict[str, str] = item.fields["body"]
    return body


def _flags(item: Item) -> int:
    return (READ_FLAG if item.fields["isRead"] else UNREAD) | (UNSENT_FLAG if item.draft else 0)


def property_of(store: Store, item: Item, name: str) -> str | None:
    """The value of an extended property by its normal id; some are made from the message."""
    made: dict[str, Callable[[], object]] = {
        "Integer 0x0e08": lambda: len(raw_of(store, item)),
        "Long 0x0e08": lambda: len(raw_of(store, item)),
        "Integer 0x0e07": lambda: _flags(item),
        "String 0x0037": lambda: item.fields["subject"],
        "String 0x1035": lambda: item.fields["internetMessageId"],
        "String 0x007d": lambda: _head(item),
        graph_mime.IN_REPLY_TO: lambda: graph_mime.first(item.headers, "In-Reply-To"),
        graph_mime.REFERENCES: lambda: graph_mime.first(item.headers, "References"),
    }
    if name in item.properties:
        return item.properties[name]
    if name.startswith(graph_mime.NAMED_HEADER) and item.given is not None:
        header = name.removeprefix(graph_mime.NAMED_HEADER)
        return graph_mime.first(item.headers, header) or None
    found = made[name]() if name in made else ""
    return str(found) if found != "" else None


def _head(item: Item) -> str:
    if item.given is None:
        return ""
    head = re.split(rb"\r?\n\r?\n", item.trace + item.given, maxsplit=1)[0]
    return head.decode("utf-8", "replace") + "\r\n"


def reading(store: Store) -> Callable[[Item, str], Any]:
    """What a filter or an order sees of a message."""

    def read(item: Item, name: str) -> Any:
        if " " in name:
            return property_of(store, item, name)
        if name in _MOMENTS:
            return _MOMENTS[name](item)
        if "/" in name:
            who, _, what = name.partition("/emailAddress/")
            told = item.fields[who]
            return told["emailAddress"][what].lower() if told else ""
        return _PLAIN[name](View(store), item)

    return read


_MOMENTS: Final[dict[str, Callable[[Item], datetime]]] = {
    "receivedDateTime": lambda item: item.received,
    "sentDateTime": lambda item: item.fields["sentDateTime"] or item.created,
    "createdDateTime": lambda item: item.created,
    "lastModifiedDateTime": lambda item: item.modified,
}


@dataclass(frozen=True, slots=True)
class View:
    """How one request wants messages to be shown."""

    store: Store
    immutable: bool = False
    text: bool = False
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()

    def id(self, item: Item) -> str:
        """The id of the kind that the request prefers."""
        return self.store.id_of(item, immutable=self.immutable)

    def message(self, item: Item) -> dict[str, Any]:
        """A message; the id is always there, what is only given when selected is not."""
        shown: dict[str, Any] = {"@odata.etag": f'W/"{change_key(item)}"', "id": self.id(item)}
        for name in self.select or _USUAL:
            if name in _MOMENTS:
                shown[name] = seconds(_MOMENTS[name](item))
            elif name == "internetMessageHeaders":
                shown |= _headers(item)
            elif name != "id":
                shown[name] = _PLAIN[name](self, item)
        found = [(name, property_of(self.store, item, name)) for name in self.expand]
        values = [{"id": name, "value": value} for name, value in found if value is not None]
        if values:
            shown["singleValueExtendedProperties"] = values
        return shown


def change_key(item: Item) -> str:
    """The version of a message."""
    return base64.b64encode(b"\5version" + item.version.to_bytes(8, "big")).decode()


def _headers(item: Item) -> dict[str, Any]:
    if item.sent is not None or (item.given is not None and not item.trace):
        # Of mail in Sent Items nobody gets them this way; its MIME content has them.
        return {}
    pairs = item.headers
    if item.given is not None:
        pairs = graph_mime.fields_of(item.trace + item.given)
    if not pairs:
        return {}
    return {"internetMessageHeaders": [{"name": name, "value": value} for name, value in pairs]}


def _body(view: View, item: Item) -> dict[str, str]:
    body = body_of(item)
    if view.text:
        return {"contentType": "text", "content": graph_mime.as_text(body)}
    return {"contentType": "html", "content": graph_mime.as_html(body)}


_PLAIN: Final[dict[str, Callable[[View, Item], Any]]] = {
    "changeKey": lambda _, item: change_key(item),
    "categories": lambda _, item: item.fields["categories"],
    "hasAttachments": lambda _, item: item.fields["hasAttachments"],
    "internetMessageId": lambda _, item: item.fields["internetMessageId"],
    "subject": lambda _, item: item.fields["subject"],
    "bodyPreview": lambda _, item: graph_mime.as_text(body_of(item))[:255],
    "importance": lambda _, item: item.fields["importance"],
    "parentFolderId": lambda _, item: item.folder.id,
    "conversationId": lambda _, item: item.fields["conversationId"],
    "isDeliveryReceiptRequested": lambda _, item: item.fields.get("isDeliveryReceiptRequested"),
    "isReadReceiptRequested": lambda _, item: item.fields.get("isReadReceiptRequested", False),
    "isRead": lambda _, item: item.fields["isRead"],
    "isDraft": lambda _, item: item.draft,
    "webLink": lambda view, item: f"https://outlook.example.com/owa/?ItemID={view.id(item)}",
    "inferenceClassification": lambda _, item: item.fields.get(
        "inferenceClassification", "focused"
    ),
    "body": _body,
    "sender": lambda _, item: item.fields["sender"],
    "from": lambda _, item: item.fields["from"],
    "toRecipients": lambda _, item: item.fields["toRecipients"],
    "ccRecipients": lambda _, item: item.fields["ccRecipients"],
    "bccRecipients": lambda _, item: item.fields["bccRecipients"],
    "replyTo": lambda _, item: item.fields["replyTo"],
    "flag": lambda _, item: item.fields.get("flag", {"flagStatus": "notFlagged"}),
    "uniqueBody": _body,
}
_USUAL: Final = (*_MOMENTS, *(name for name in _PLAIN if name != "uniqueBody"))


def selected(told: str) -> tuple[str, ...]:
    """``$select``; raises GraphError where it names what no message has."""
    names = tuple(name.strip() for name in told.split(","))
    for name in names:
        if name not in {*_USUAL, "id", "uniqueBody", "internetMessageHeaders"}:
            raise no_property(name)
    return names


def expanded(told: str) -> tuple[str, ...]:
    """``$expand``: the normal ids of the extended properties it names; raises GraphError."""
    found = _EXPAND.fullmatch(told.strip())
    inner = "" if found is None else re.sub(r"^\s*\((.*)\)\s*$", r"\1", found[1])
    parts = re.split(r"\s+or\s+", inner, flags=re.IGNORECASE)
    ids = [_ID_IS.fullmatch(part) for part in parts]
    if found is None or None in ids:
        raise bad_request(
            "Parsing OData Select and Expand failed: only singleValueExtendedProperties($filter=id "
            "eq '…') can be expanded here.",
            "RequestBroker--ParseUri",
        )
    return tuple(property_id(one[1].replace("''", "'")) for one in ids if one is not None)


def folder(store: Store, one: Folder) -> dict[str, Any]:
    """A mail folder."""
    return {
        "id": one.id,
        "displayName": one.name,
        "parentFolderId": (one.parent or store.root).id,
        "childFolderCount": len(store.children(one)),
        "unreadItemCount": sum(not item.fields["isRead"] for item in one.items.values()),
        "totalItemCount": len(one.items),
        "sizeInBytes": sum(len(item.given or b"") for item in one.items.values()),
        "isHidden": False,
    }
