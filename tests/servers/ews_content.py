"""What a request writes into an item: fields, extended properties, imported MIME, a reply."""

import base64
import binascii
from collections.abc import Callable
from typing import Final
from xml.etree.ElementTree import Element

from tests.servers.ews_call import Call
from tests.servers.ews_item import (
    IN_REPLY_TO,
    MESSAGE_ID,
    REFERENCES,
    SEARCH_KEY,
    TRANSPORT_HEADERS,
    Attachment,
    Box,
    Item,
    Value,
    topic,
)
from tests.servers.ews_xml import (
    Path,
    Refusal,
    SoapFault,
    child,
    children,
    local,
    path_of,
    text_in,
    truth,
)

REPLIES: Final = {"ReplyToItem": "RE: ", "ReplyAllToItem": "RE: ", "ForwardItem": "FW: "}
READ_ONLY: Final = frozenset(
    "DateTimeReceived Size DateTimeSent DateTimeCreated ConversationId ConversationTopic "
    "InternetMessageHeaders IsDraft IsFromMe HasAttachments DisplayTo DisplayCc".split()
)


def box_in(element: Element) -> Box | None:
    """The mailbox in an element, or None."""
    mailbox = element if local(element) == "Mailbox" else child(element, "Mailbox")
    address = text_in(mailbox, "EmailAddress")
    return Box(text_in(mailbox, "Name"), address) if address else None


def boxes_in(element: Element) -> list[Box]:
    return [box for each in element if (box := box_in(each)) is not None]


def _subject(item: Item, element: Element) -> None:
    item.subject = element.text or ""
    item.topic = topic(item.subject)


def _body(item: Item, element: Element) -> None:
    item.body = (element.text or "", element.get("BodyType", "Text") == "HTML")


def _attach(item: Item, element: Element) -> None:
    for each in element:
        item.attachments.append(attachment_in(each, f"{item.id}#{len(item.attachments)}"))


def attachment_in(element: Element, key: str) -> Attachment:
    """A FileAttachment of a request."""
    if local(element) != "FileAttachment":
        raise Refusal("ErrorInvalidRequest", "Only files can be attached here.")
    return Attachment(
        id=key,
        name=text_in(element, "Name"),
        media_type=text_in(element, "ContentType") or "application/octet-stream",
        content=base64.b64decode(text_in(element, "Content")),
        inline=truth(text_in(element, "IsInline")),
        content_id=text_in(element, "ContentId"),
    )


def _set(name: str, read: Callable[[Element], object]) -> Callable[[Item, Element], None]:
    def write(item: Item, element: Element) -> None:
        setattr(item, name, read(element))

    return write


def _text(element: Element) -> str:
    return element.text or ""


_WRITERS: Final[dict[str, Callable[[Item, Element], None]]] = {
    "ItemClass": _set("item_class", _text),
    "Subject": _subject,
    "Sensitivity": _set("sensitivity", _text),
    "Body": _body,
    "Attachments": _attach,
    "Categories": _set("categories", lambda element: [each.text or "" for each in element]),
    "Importance": _set("importance", _text),
    "InReplyTo": _set("in_reply_to", _text),
    "Sender": _set("sender", box_in),
    "ToRecipients": _set("to", boxes_in),
    "CcRecipients": _set("cc", boxes_in),
    "BccRecipients": _set("bcc", boxes_in),
    "From": _set("author", box_in),
    "IsRead": _set("read", lambda element: truth(element.text or "")),
    "References": _set("references", _text),
    "ReplyTo": _set("reply_to", boxes_in),
}
_EMPTY: Final[dict[str, tuple[str, object]]] = {
    "item:Subject": ("subject", ""),
    "item:InReplyTo": ("in_reply_to", ""),
    "message:From": ("author", None),
    "message:References": ("references", ""),
}
_EMPTY_LISTS: Final = {
    "item:Categories": "categories",
    "message:ToRecipients": "to",
    "message:CcRecipients": "cc",
    "message:BccRecipients": "bcc",
    "message:ReplyTo": "reply_to",
}
_IGNORED: Final = frozenset(
    "ItemId IsReadReceiptRequested IsDeliveryReceiptRequested IsResponseRequested Culture "
    "ReminderIsSet ReminderMinutesBeforeStart ReminderDueBy".split()
)


def write_all(call: Call, item: Item, element: Element) -> None:
    """Write the children of a Message of CreateItem into a new item, MIME before all else."""
    content = text_in(element, "MimeContent")
    if content:
        take_mime(call, item, content)
    for each in element:
        if local(each) != "MimeContent":
            write(call, item, each, fresh=True)


def write(call: Call, item: Item, element: Element, *, fresh: bool = False) -> str:
    """Write one property; returns what it is called for conflicts."""
    name = local(element)
    if name == "ExtendedProperty":
        return str(write_extended(item, element))
    if name == "InternetMessageId":
        # Exchange takes it from CreateItem alone.
        if not fresh:
            raise Refusal("ErrorInvalidPropertySet", "InternetMessageId is read-only.")
        if call.personality.takes_message_id:
            item.message_id = element.text or ""
    elif name == "MimeContent":
        take_mime(call, item, element.text or "")
    elif name in READ_ONLY:
        raise Refusal("ErrorInvalidPropertySet", f"Set action is invalid for {name}.")
    elif name in _WRITERS:
        _WRITERS[name](item, element)
    elif name not in _IGNORED:
        raise SoapFault("ErrorSchemaValidation", f"The element {name} is not expected.")
    return name


def write_extended(item: Item, element: Element) -> Path:
    path = next((found for each in element if (found := path_of(each)) is not None), None)
    if path is None or path in (TRANSPORT_HEADERS, SEARCH_KEY):
        raise Refusal("ErrorInvalidExtendedProperty", "The property cannot be set.")
    values = list(children(element, "Values")) if path.array else [child(element, "Value")]
    texts = tuple((each.text or "") if each is not None else "" for each in values)
    if path == MESSAGE_ID:
        item.message_id = texts[0]
    elif path == IN_REPLY_TO:
        item.in_reply_to = texts[0]
    elif path == REFERENCES:
        item.references = texts[0]
    else:
        item.extended[path] = Value(path, texts)
    return path


def erase(item: Item, path: Path) -> str:
    """DeleteItemField; returns what the property is called for conflicts."""
    if path.extended:
        item.extended.pop(path, None)
        return str(path)
    if path.uri in _EMPTY_LISTS:
        setattr(item, _EMPTY_LISTS[path.uri], [])
    elif path.uri == "item:Body":
        item.body = ("", False)
    elif path.uri in _EMPTY:
        setattr(item, *_EMPTY[path.uri])
    else:
        raise Refusal("ErrorInvalidPropertyDelete", f"{path.uri} cannot be deleted.")
    return path.uri.partition(":")[2]


def append(call: Call, item: Item, element: Element) -> str:
    """AppendToItemField of a body, of recipients or of categories."""
    name = local(element)
    if name == "Body":
        body, html = item.body
        item.body = (body + (element.text or ""), html)
        return name
    kept = {
        "ToRecipients": item.to,
        "CcRecipients": item.cc,
        "BccRecipients": item.bcc,
        "ReplyTo": item.reply_to,
    }
    if name not in kept:
        raise Refusal("ErrorInvalidPropertyAppend", f"Append action is invalid for {name}.")
    kept[name].extend(boxes_in(element))
    return name


def take_mime(call: Call, item: Item, content: str) -> None:
    """Make the item what the MIME says, for imports and drafts."""
    try:
        raw = base64.b64decode(content, validate=False)
    except binascii.Error:
        raise Refusal("ErrorMimeContentInvalidBase64String", "That is no base64.") from None
    item.take_apart(raw)
    if call.personality.imports_headers:
        item.take_unknown_headers()
    item.headers = []


def write_reply(call: Call, item: Item, element: Element, original: Item) -> None:
    """Make a reply (or forward) out of the mail it is one to, then write what the request says."""
    name = local(element)
    item.topic = original.topic
    item.subject = f"{REPLIES[name]}{original.topic}"
    item.conversation = original.conversation
    item.answers = original.search_key
    if name != "ForwardItem":
        item.in_reply_to = original.message_id
        item.references = " ".join(filter(None, (original.references, original.message_id)))
    new, html = "", False
    for each in element:
        if local(each) == "NewBodyContent":
            new, html = each.text or "", each.get("BodyType") == "HTML"
        elif local(each) == "Subject":
            item.subject = each.text or ""
        elif local(each) not in {"ReferenceItemId", "ReceivedBy", "ReceivedRepresenting"}:
            write(call, item, each, fresh=True)
    item.body = (quoted(new, original, html=html), html)


def quoted(new: str, original: Item, *, html: bool) -> str:
    """The new text and below it the mail it answers, as Exchange quotes it."""
    sender = original.author.address if original.author else ""
    sent = original.sent.strftime("%d %B %Y %H:%M") if original.sent else ""
    to = "; ".join(box.address for box in original.to)
    lines = [f"From: {sender}", f"Sent: {sent}", f"To: {to}", f"Subject: {original.subject}"]
    if html:
        head = "<br>".join(lines)
        return (
            f'{new}<hr tabindex="-1"><div id="divRplyFwdMsg">{head}</div><div>{original.text}</div>'
        )
    rule = "_" * 32
    return "\r\n".join([new, "", rule, *lines, "", original.text])
