"""How messages are made, answered and sent by the Graph server, and how mail comes in."""

import base64
import html
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final

from tests.servers import graph_mime, graph_query, graph_shape, graph_values
from tests.servers.graph_errors import GraphError, bad_request, not_found
from tests.servers.graph_store import Folder, Item, Store

FLAGS: Final = "Integer 0x0e07"
DELIVERED: Final = "SystemTime 0x0e06"
MESSAGE_ID: Final = "String 0x1035"
_ADDRESS: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_KEPT: Final = re.compile(r"x-.*", re.IGNORECASE)


def deliver(store: Store, raw: bytes, folder: Folder, received: datetime | None = None) -> Item:
    """A mail that came in, or that a mail program filed; one Received line goes before it."""
    moment = received or store.arrival()
    headers = graph_mime.fields_of(raw)
    fields = graph_mime.properties_of(raw, headers, moment)
    kin = graph_mime.ids_in(graph_mime.first(headers, "In-Reply-To"))
    kin += reversed(graph_mime.ids_in(graph_mime.first(headers, "References")))
    fields["internetMessageId"] = fields["internetMessageId"] or new_message_id()
    fields["conversationId"] = store.conversation(fields["internetMessageId"], kin)
    end = "\r\n" if b"\r\n" in raw else "\n"
    trace = (
        f"Received: from mx.example.com (192.0.2.25) by store.example.com (192.0.2.26){end}"
        f" with ESMTPS id {token_hex(8)}; {moment.strftime('%a, %d %b %Y %H:%M:%S +0000')}{end}"
    )
    item = Item(store.next_serial(), folder, moment, fields, headers, given=raw)
    item.trace = trace.encode()
    return store.add(item)


def new_message_id() -> str:
    """A Message-ID as the store gives one to whatever has none."""
    return f"<{token_hex(12).upper()}@store.example.com>"


def _blank() -> dict[str, Any]:
    people = ("toRecipients", "ccRecipients", "bccRecipients", "replyTo")
    return {
        "subject": "",
        "body": {"contentType": "html", "content": ""},
        "from": None,
        "sender": None,
        **{name: [] for name in people},
        "internetMessageId": new_message_id(),
        "sentDateTime": None,
        "hasAttachments": False,
        "isRead": True,
        "categories": [],
        "importance": "normal",
    }


def create(
    store: Store, folder: Folder, told: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> Item:
    """A new message from JSON, a draft unless its flags (0x0E07) say otherwise.

    ``base`` are fields that it has before; ``told`` goes over them.
    """
    fields = _blank() | dict(base or {}) | graph_values.changes(told, None)
    extended = graph_values.extended(told.get("singleValueExtendedProperties", []))
    headers = []
    if "internetMessageHeaders" in told:
        headers = graph_values.new_headers(told["internetMessageHeaders"])
    moment = datetime.now(UTC)
    if DELIVERED in extended:
        moment = graph_query.when(extended.pop(DELIVERED))
    flags = int(extended.pop(FLAGS, graph_shape.UNSENT_FLAG))
    fields["internetMessageId"] = extended.pop(MESSAGE_ID, fields["internetMessageId"])
    conversation = store.conversation(fields["internetMessageId"], [])
    fields.setdefault("conversationId", conversation)
    item = Item(store.next_serial(), folder, moment, fields, headers, extended)
    item.draft = bool(flags & graph_shape.UNSENT_FLAG)
    return store.add(item)


def create_from_mime(store: Store, folder: Folder, content: bytes) -> Item:
    """A draft from a mail in base64; of its own headers those survive that are known or ``x-``."""
    try:
        raw = base64.b64decode(content, validate=True)
    except ValueError as error:
        raise bad_request(
            "Invalid base64 string for MIME content.", "ErrorMimeContentInvalidBase64String"
        ) from error
    headers = graph_mime.fields_of(raw)
    fields = _blank() | graph_mime.properties_of(raw, headers, datetime.now(UTC))
    fields |= {"sentDateTime": None, "isRead": True, "body": graph_mime.body_of(raw)}
    fields["internetMessageId"] = fields["internetMessageId"] or new_message_id()
    kin = graph_mime.ids_in(graph_mime.first(headers, "In-Reply-To"))
    fields["conversationId"] = store.conversation(fields["internetMessageId"], kin)
    item = Item(store.next_serial(), folder, datetime.now(UTC), fields, draft=True)
    item.headers = [(name, value) for name, value in headers if _KEPT.fullmatch(name)]
    for name, tag in (
        ("In-Reply-To", graph_mime.IN_REPLY_TO),
        ("References", graph_mime.REFERENCES),
    ):
        if value := graph_mime.first(headers, name):
            item.properties[tag] = value
    return store.add(item)


def create_reply(store: Store, original: Item, told: Mapping[str, Any]) -> Item:
    """A draft that answers ``original``: recipients, subject, threading and quoted text are set."""
    message, comment = told.get("message") or {}, told.get("comment")
    unknown = set(told) - {"message", "comment"}
    if unknown or not isinstance(message, dict) or not isinstance(comment, str | None):
        raise bad_request("The parameters of the action are wrong.", "RequestBodyRead")
    if comment and "body" in message:
        raise bad_request("Specify either a comment or the body of the message, not both.")
    owner = graph_shape.owner_of(store)
    base = {
        "subject": "RE: " + re.sub(r"^\S{1,3}[:：]\s*", "", original.fields["subject"]),
        "from": owner,
        "sender": owner,
        "toRecipients": original.fields["replyTo"] or [original.fields["from"] or owner],
        "body": {"contentType": "html", "content": _quoting(original, comment or "")},
        "conversationId": original.fields["conversationId"],
    }
    item = create(store, store.folder("drafts"), message, base)
    answered = original.fields["internetMessageId"]
    store.conversations[item.fields["internetMessageId"]] = item.fields["conversationId"]
    before = graph_shape.property_of(store, original, graph_mime.REFERENCES) or ""
    item.properties.setdefault(graph_mime.IN_REPLY_TO, answered)
    item.properties.setdefault(graph_mime.REFERENCES, f"{before} {answered}".strip())
    return item


def _quoting(original: Item, comment: str) -> str:
    told = original.fields
    sender = (told["from"] or {"emailAddress": {"name": "", "address": ""}})["emailAddress"]
    to = "; ".join(one["emailAddress"]["address"] for one in told["toRecipients"])
    lines = [
        ("From", f"{sender['name']} <{sender['address']}>"),
        ("Sent", original.received.strftime("%A, %d %B %Y %H:%M:%S")),
        ("To", to),
        ("Subject", told["subject"]),
    ]
    head = "<br>\r\n".join(f"<b>{name}:</b> {html.escape(value)}" for name, value in lines)
    return (
        f"<html><body>\r\n<div>{html.escape(comment)}</div>\r\n"
        '<hr tabindex="-1" style="display:inline-block; width:98%">\r\n'
        f'<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif">{head}</font>'
        f"</div>\r\n<div>{graph_mime.as_html(graph_shape.body_of(original))}</div>\r\n"
        "</body></html>\r\n"
    )


class Departures:
    """The way from Drafts by Outbox to Sent Items, and everything that left, in order.

    ``outbox_seconds``: how long a message waits in Outbox; ``held``: for as long as this is set.
    ``keeps_id``, ``keeps_message_id``: the copy in Sent Items has the draft's immutable id and its
    Message-ID, as the documentation says; both are known to have been otherwise. ``named_headers``:
    properties in PS_INTERNET_HEADERS leave as headers (MS-OXCMAIL), such as Auto-Submitted.
    ``directory_name``: what the From shows whatever the draft says, as where the directory knows.
    """

    def __init__(self, lock: threading.RLock, arrive: Callable[[str, bytes], None]) -> None:
        self._lock = lock
        self.left = threading.Condition(lock)
        self._arrive = arrive
        self._waiting: list[tuple[Store, Item]] = []
        self._timers: list[threading.Timer] = []
        self.posted: list[tuple[tuple[str, ...], bytes]] = []
        self.outbox_seconds = 0.0
        self.held = False
        self.keeps_id = True
        self.keeps_message_id = True
        self.named_headers = True
        self.directory_name = ""
        self.may_send_as: dict[str, set[str]] = {}

    def send(self, store: Store, item: Item) -> None:
        """Submit a draft; raises GraphError."""
        if not item.draft:
            raise not_found()
        self._check(store, item)
        owner = graph_shape.owner_of(store)
        item.fields["from"] = item.fields["from"] or owner
        item.fields["sender"] = item.fields["sender"] or item.fields["from"]
        item.draft = False
        item.fields["sentDateTime"] = datetime.now(UTC)
        store.move(item, store.folder("outbox"))
        self._waiting.append((store, item))
        if self.held:
            return
        if self.outbox_seconds == 0:
            self._leave(store, item)
            return
        timer = threading.Timer(self.outbox_seconds, self._leave, (store, item))
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _check(self, store: Store, item: Item) -> None:
        people = [item.fields[name] for name in ("toRecipients", "ccRecipients", "bccRecipients")]
        addresses = [one["emailAddress"]["address"] for some in people for one in some]
        if not addresses or not all(_ADDRESS.fullmatch(one) for one in addresses):
            raise bad_request("At least one recipient isn't valid.", "ErrorInvalidRecipients")
        allowed = {store.address, *self.may_send_as.get(store.address, set())}
        for name in ("from", "sender"):
            told = item.fields[name]
            if told is not None and told["emailAddress"]["address"].lower() not in allowed:
                raise GraphError(
                    403,
                    "ErrorSendAsDenied",
                    "The user account which was used to submit this request does not have the "
                    "right to send mail on behalf of the specified sending account.",
                )

    def release(self) -> None:
        """Let go what is held in Outbox, and hold no more."""
        with self._lock:
            self.held = False
            for store, item in tuple(self._waiting):
                self._leave(store, item)

    def _leave(self, store: Store, item: Item) -> None:
        with self._lock:
            if (store, item) not in self._waiting:
                return
            self._waiting.remove((store, item))
            if item.folder is not store.folder("outbox") or item.serial not in item.folder.items:
                return
            self._depart(store, item)

    def _depart(self, store: Store, item: Item) -> None:
        if not self.keeps_message_id:
            item.fields["internetMessageId"] = new_message_id()
        if self.directory_name:
            address = item.fields["from"]["emailAddress"]["address"]
            item.fields["from"] = graph_mime.person(address, self.directory_name)
        owner, named = graph_shape.owner_of(store), self.named_headers
        raw = graph_mime.render(item, owner, bcc=False, named_headers=named)
        item.sent = graph_mime.render(item, owner, bcc=True, named_headers=named)
        if not self.keeps_id:
            store.renumber(item)
        item.received = store.arrival()
        item.fields["isRead"] = True
        store.move(item, store.folder("sentitems"))
        names = ("toRecipients", "ccRecipients", "bccRecipients")
        people = [one["emailAddress"]["address"] for name in names for one in item.fields[name]]
        self.posted.append((tuple(people), raw))
        self.left.notify_all()
        for address in dict.fromkeys(one.lower() for one in people):
            self._arrive(address, raw)

    def cancel(self) -> None:
        """Nothing leaves any more."""
        with self._lock:
            self._waiting.clear()
            for timer in self._timers:
                timer.cancel()
