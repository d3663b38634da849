"""The properties of items and folders: as XML, and as values that can be compared."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tests.servers.ews_item import (
    IN_REPLY_TO,
    MESSAGE_ID,
    NO_MESSAGES,
    NO_MIME,
    REFERENCES,
    SEARCH_KEY,
    TRANSPORT_HEADERS,
    Attachment,
    Box,
    Item,
)
from tests.servers.ews_personality import Personality
from tests.servers.ews_render import mime
from tests.servers.ews_store import Folder
from tests.servers.ews_xml import INTERNET_HEADERS, Path, Refusal, escape

GET_ONLY: Final = frozenset(
    "item:MimeContent item:Body item:TextBody item:UniqueBody item:NormalizedBody item:Attachments "
    "item:InternetMessageHeaders message:ToRecipients message:CcRecipients message:BccRecipients "
    "message:ReplyTo".split()
)
"""What GetItem returns and lists of items do not."""

DEFAULT_SHAPE: Final = (
    "item:Subject item:Sensitivity item:Body item:Attachments item:Size item:DateTimeSent "
    "item:DateTimeCreated item:HasAttachments item:IsAssociated message:ToRecipients "
    "message:CcRecipients message:IsReadReceiptRequested message:From message:IsRead"
).split()
LISTED_LENGTH: Final = 255
"""Characters of a long text property that a list of items shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of an item is asked for. ``listing``: by FindItem or SyncFolderItems."""

    base: str = "IdOnly"
    paths: tuple[Path, ...] = ()
    mime: bool = False
    body_type: str = "Best"
    listing: bool = False


class Fields:
    """Reads items for one kind of server."""

    def __init__(self, personality: Personality) -> None:
        self._personality = personality
        self._readers: dict[str, Callable[[Item, Shape], str]] = {
            "item:MimeContent": self._mime,
            "item:ParentFolderId": lambda item, _: f'<t:ParentFolderId Id="{item.folder.id}"/>',
            "item:ItemClass": lambda item, _: _text("ItemClass", item.item_class),
            "item:Subject": lambda item, _: _text("Subject", item.subject),
            "item:Sensitivity": lambda item, _: _text("Sensitivity", item.sensitivity),
            "item:Body": self._body,
            "item:Attachments": self._attachments,
            "item:DateTimeReceived": lambda item, _: self._time("DateTimeReceived", item.received),
            "item:Size": lambda item, _: f"<t:Size>{item.size}</t:Size>",
            "item:Categories": lambda item, _: _strings("Categories", item.categories),
            "item:Importance": lambda item, _: _text("Importance", item.importance),
            "item:InReplyTo": lambda item, _: _text("InReplyTo", item.in_reply_to),
            "item:IsSubmitted": lambda _item, _: _flag("IsSubmitted", False),
            "item:IsDraft": lambda item, _: _flag("IsDraft", item.draft),
            "item:IsFromMe": lambda item, _: _flag("IsFromMe", item.from_me),
            "item:IsResend": lambda _item, _: _flag("IsResend", False),
            "item:IsUnmodified": lambda _item, _: _flag("IsUnmodified", False),
            "item:InternetMessageHeaders": _headers,
            "item:DateTimeSent": lambda item, _: self._time(
                "DateTimeSent", item.sent or item.created
            ),
            "item:DateTimeCreated": lambda item, _: self._time("DateTimeCreated", item.created),
            "item:DisplayCc": lambda item, _: _text("DisplayCc", _shown(item.cc)),
            "item:DisplayTo": lambda item, _: _text("DisplayTo", _shown(item.to)),
            "item:HasAttachments": lambda item, _: _flag("HasAttachments", bool(item.parts)),
            "item:IsAssociated": lambda _item, _: _flag("IsAssociated", False),
            "item:LastModifiedTime": lambda item, _: self._time("LastModifiedTime", item.modified),
            "item:ConversationId": lambda item, _: f'<t:ConversationId Id="{item.conversation}"/>',
            "item:UniqueBody": lambda item, shape: self._body(item, shape, "UniqueBody"),
            "item:TextBody": self._text_body,
            "message:Sender": lambda item, _: _single("Sender", item.sender),
            "message:ToRecipients": lambda item, _: _boxes("ToRecipients", item.to),
            "message:CcRecipients": lambda item, _: _boxes("CcRecipients", item.cc),
            "message:BccRecipients": lambda item, _: _boxes("BccRecipients", item.bcc),
            "message:ConversationTopic": lambda item, _: _text("ConversationTopic", item.topic),
            "message:From": lambda item, _: _single("From", item.author),
            "message:InternetMessageId": lambda item, _: _text(
                "InternetMessageId", item.message_id
            ),
            "message:IsRead": lambda item, _: _flag("IsRead", item.read),
            "message:References": lambda item, _: _text("References", item.references),
            "message:ReplyTo": lambda item, _: _boxes("ReplyTo", item.reply_to),
        }
        self._order = {uri: number for number, uri in enumerate(self._readers)}

    def xml(self, item: Item, shape: Shape) -> str:
        """The item as an element of Items."""
        uris = {path.uri for path in shape.paths if path.uri}
        if shape.base != "IdOnly":
            uris |= set(DEFAULT_SHAPE if shape.base == "Default" else self._readers)
            uris.discard("item:MimeContent")
        if shape.mime:
            uris.add("item:MimeContent")
        if shape.listing and not self._personality.lists_everything:
            uris -= GET_ONLY
        if item.element in NO_MESSAGES:
            uris = {uri for uri in uris if not uri.startswith("message:")}
        if item.element in NO_MIME and "item:MimeContent" in uris:
            raise Refusal("ErrorUnsupportedMimeConversion", "This has no form in MIME.")
        known = sorted(uris & self._readers.keys(), key=self._order.__getitem__)
        parts = [self._readers[uri](item, shape) for uri in known]
        parts += [self._extended(item, path, shape) for path in shape.paths if path.extended]
        return f"<t:{item.element}>{item_id(item)}{''.join(parts)}</t:{item.element}>"

    def stamp(self, moment: datetime) -> str:
        text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        digits = self._personality.fraction_digits
        fraction = f".{moment.microsecond * 1000 + 7:09d}"[: digits + 1] if digits else ""
        return f"{text}{fraction}Z"

    def _time(self, name: str, moment: datetime) -> str:
        return f"<t:{name}>{self.stamp(moment)}</t:{name}>"

    def _mime(self, item: Item, _shape: Shape) -> str:
        raw = mime(item, original=self._personality.original_mime)
        encoded = base64.b64encode(raw).decode()
        return f'<t:MimeContent CharacterSet="UTF-8">{encoded}</t:MimeContent>'

    def _body(self, item: Item, shape: Shape, name: str = "Body") -> str:
        body, html = item.body
        if shape.body_type == "Text" and html:
            body, html = item.text, False
        elif shape.body_type == "HTML" and not html:
            body, html = f"<html><body><pre>{escape(body)}</pre></body></html>", True
        kind = "HTML" if html else "Text"
        return f'<t:{name} BodyType="{kind}">{escape(body)}</t:{name}>'

    def _text_body(self, item: Item, _shape: Shape) -> str:
        if not self._personality.text_body:
            return ""
        return f'<t:TextBody BodyType="Text">{escape(item.text)}</t:TextBody>'

    def _attachments(self, item: Item, _shape: Shape) -> str:
        found = "".join(attachment_xml(each) for each in item.parts)
        return f"<t:Attachments>{found}</t:Attachments>" if found else ""

    def _extended(self, item: Item, path: Path, shape: Shape) -> str:
        texts = extended_texts(item, path)
        if texts is None:
            return ""
        if shape.listing and path == TRANSPORT_HEADERS:
            texts = (texts[0][:LISTED_LENGTH],)
        values = "".join(f"<t:Value>{escape(text)}</t:Value>" for text in texts)
        if path.array:
            values = f"<t:Values>{values}</t:Values>"
        uri = f"<t:ExtendedFieldURI {path.attributes}/>"
        return f"<t:ExtendedProperty>{uri}{values}</t:ExtendedProperty>"


def extended_texts(item: Item, path: Path) -> tuple[str, ...] | None:
    """The values of an extended property; None where the item has none."""
    own = {
        MESSAGE_ID: item.message_id,
        IN_REPLY_TO: item.in_reply_to,
        REFERENCES: item.references,
    }
    if path in own:
        return (own[path],) if own[path] else None
    if path == TRANSPORT_HEADERS:
        head = head_of(item)
        return (head,) if head else None
    if path == SEARCH_KEY:
        return (base64.b64encode(item.search_key).decode(),)
    value = item.extended.get(path)
    if value is None and path.set_id == INTERNET_HEADERS:
        found = next((text for name, text in item.headers if name.lower() == path.name), None)
        return None if found is None else (found,)
    return None if value is None else value.texts


def head_of(item: Item) -> str:
    """The header a mail came with, folded as it was; empty where it was made here."""
    if item.raw is None or not item.headers:
        return ""
    raw = re.sub(rb"\r?\n", b"\r\n", item.received_line + item.raw)
    return (raw.partition(b"\r\n\r\n")[0] + b"\r\n").decode("utf-8", "replace")


def item_id(item: Item) -> str:
    return f'<t:ItemId Id="{item.id}" ChangeKey="{item.change_key}"/>'


def attachment_xml(each: Attachment, *, with_content: bool = False) -> str:
    content = ""
    if with_content:
        content = f"<t:Content>{base64.b64encode(each.content).decode()}</t:Content>"
    return (
        f'<t:FileAttachment><t:AttachmentId Id="{each.id}"/><t:Name>{escape(each.name)}</t:Name>'
        f"<t:ContentType>{escape(each.media_type)}</t:ContentType>"
        f"{_text('ContentId', each.content_id)}<t:Size>{len(each.content)}</t:Size>"
        f"<t:IsInline>{str(each.inline).lower()}</t:IsInline>{content}</t:FileAttachment>"
    )


def folder_xml(folder: Folder, child_count: int) -> str:
    """A folder with everything there is to say of it."""
    known = _text("DistinguishedFolderId", folder.distinguished)
    parent = f'<t:ParentFolderId Id="{folder.parent.id}"/>' if folder.parent else ""
    unread = sum(not item.read for item in folder.items.values())
    name = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder"}.get(
        folder.folder_class, "TasksFolder" if folder.folder_class == "IPF.Task" else "Folder"
    )
    return (
        f'<t:{name}><t:FolderId Id="{folder.id}" ChangeKey="AQAAABYA"/>{parent}'
        f"{_text('FolderClass', folder.folder_class)}"
        f"<t:DisplayName>{escape(folder.name)}</t:DisplayName>"
        f"<t:TotalCount>{len(folder.items)}</t:TotalCount>"
        f"<t:ChildFolderCount>{child_count}</t:ChildFolderCount>{known}"
        f"<t:UnreadCount>{unread}</t:UnreadCount></t:{name}>"
    )


def box_xml(box: Box) -> str:
    return (
        f"<t:Mailbox><t:Name>{escape(box.name or box.address)}</t:Name>"
        f"<t:EmailAddress>{escape(box.address)}</t:EmailAddress>"
        "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>OneOff</t:MailboxType></t:Mailbox>"
    )


def _text(name: str, value: str) -> str:
    return f"<t:{name}>{escape(value)}</t:{name}>" if value else ""


def _flag(name: str, value: bool) -> str:
    return f"<t:{name}>{str(value).lower()}</t:{name}>"


def _strings(name: str, values: list[str]) -> str:
    inner = "".join(f"<t:String>{escape(value)}</t:String>" for value in values)
    return f"<t:{name}>{inner}</t:{name}>" if values else ""


def _single(name: str, box: Box | None) -> str:
    return f"<t:{name}>{box_xml(box)}</t:{name}>" if box else ""


def _boxes(name: str, boxes: list[Box]) -> str:
    return f"<t:{name}>{''.join(map(box_xml, boxes))}</t:{name}>" if boxes else ""


def _shown(boxes: list[Box]) -> str:
    return "; ".join(box.name or box.address for box in boxes)


def _headers(item: Item, _shape: Shape) -> str:
    inner = "".join(
        f'<t:InternetMessageHeader HeaderName="{escape(name)}">{escape(value)}'
        "</t:InternetMessageHeader>"
        for name, value in item.headers
    )
    return f"<t:InternetMessageHeaders>{inner}</t:InternetMessageHeaders>" if inner else ""
