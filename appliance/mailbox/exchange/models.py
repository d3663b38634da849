"""What we ask of mails beyond exchangelib's own fields, registered with its models once."""

import threading
from typing import Any, Final

from exchangelib import ExtendedProperty, Message
from exchangelib.fields import TextField
from exchangelib.folders import BaseFolder, Messages
from exchangelib.items import ITEM_CLASSES, Item
from exchangelib.properties import (
    DistinguishedFolderId,
    ExtendedFieldURI,
    FolderId,
    InvalidField,
    Mailbox,
)
from exchangelib.util import TNS

from appliance.mailbox.mailstore import PROPERTY_SET, Tag

_URI: Final = ExtendedFieldURI.response_tag()
_REGISTERING: Final = threading.Lock()


def _property(attribute: str, said: frozenset[str], **values: Any) -> Any:
    """A property with these values for the library, known in an answer by one attribute alone.

    The library's own comparison of all of them takes a millisecond a mail.
    """

    def matches(_cls: Any, elem: Any) -> bool:
        uri = elem.find(_URI)
        return uri is not None and uri.get(attribute, "").lower() in said

    is_instance = {"is_property_instance": classmethod(matches)}
    return type("Property", (ExtendedProperty,), {**is_instance, **values})


def _tagged(tag: int, kind: str) -> Any:
    """Some write a tag as a decimal number."""
    said = frozenset({f"0x{tag:x}", f"0x{tag:04x}", str(tag)})
    return _property("PropertyTag", said, property_tag=tag, property_type=kind)


def _named(name: str, **where: str) -> Any:
    said = frozenset({name.lower()})
    return _property("PropertyName", said, property_name=name, property_type="String", **where)


def _own(name: str) -> Any:
    return _named(name, property_set_id=str(PROPERTY_SET))


MESSAGE_ID: Final = "appliance_message_id"
"""PidTagInternetMessageId, in angle brackets; servers ignore the schema's own property."""

REFERENCES: Final = "appliance_references"
"""PidTagInternetReferences: ids in angle brackets, the first of the thread first."""

SEARCH_KEY: Final = "appliance_search_key"
"""PidTagSearchKey: stays when a mail is moved."""

LAST_VERB: Final = "appliance_last_verb"
"""PidTagLastVerbExecuted (MS-OXOMSG §2.2.1.16)."""

REPLIED: Final = 102
REPLIED_ICON: Final = 0x105

ICON: Final = "appliance_icon"
"""PidTagIconIndex: how a mail program paints the mail."""

RECEIVED: Final = "appliance_received"
"""item:DateTimeReceived as text: the library reads no more than six digits of a second."""

SENT: Final = "appliance_sent"
"""item:DateTimeSent as text."""

TAGS: Final = {tag: f"appliance_{tag.name.lower()}" for tag in Tag}
"""The fields of our own properties."""

_PROPERTIES: Final = {
    MESSAGE_ID: _tagged(0x1035, "String"),
    REFERENCES: _tagged(0x1039, "String"),
    SEARCH_KEY: _tagged(0x300B, "Binary"),
    LAST_VERB: _tagged(0x1081, "Integer"),
    ICON: _tagged(0x1080, "Integer"),
    **{TAGS[tag]: _own(tag.value) for tag in Tag},
}
_STRANGERS: Final = ("Network", "Person", "RoleMember", "SharingMessage")
"""Items of the schema that the library has no model for; one must not hide the rest of a folder."""

_TEXTS: Final = {RECEIVED: "item:DateTimeReceived", SENT: "item:DateTimeSent"}


def register() -> None:
    """Let the library's models have our fields; again is no error."""
    with _REGISTERING:
        for name in _STRANGERS:
            BaseFolder.ITEM_MODEL_MAP.setdefault(f"{{{TNS}}}{name}", Item)
        for model in ITEM_CLASSES:
            for name, kind in _PROPERTIES.items():
                if not _has(model, name):
                    model.register(name, kind)
            for name, uri in _TEXTS.items():
                if not _has(model, name):
                    field = TextField(name, field_uri=uri, is_read_only=True)
                    model.add_field(field, insert_after=model.INSERT_AFTER_FIELD)


def header(name: str) -> str:
    """The field of a mail that becomes this header when it leaves (PS_INTERNET_HEADERS)."""
    field = f"appliance_header_{name.lower()}"
    with _REGISTERING:
        if not _has(Message, field):
            kind = _named(name.lower(), distinguished_property_set_id="InternetHeaders")
            Message.register(field, kind)
    return field


def _has(model: Any, name: str) -> bool:
    try:
        model.get_field_by_fieldname(name)
    except InvalidField:
        return False
    return True


class _Distinguished(DistinguishedFolderId):  # type: ignore[misc]
    def clean(self, version: Any = None) -> None:
        """Without a mailbox it is the one of whoever signs in, which the library does not know."""


class NamedFolder(Messages):  # type: ignore[misc]
    """A folder of mails by its id or its distinguished name; it is not looked up before use."""

    NAMES: Final = frozenset({"inbox", "sentitems", "drafts", "outbox", "msgfolderroot"})

    def to_id(self) -> FolderId:
        if self.id not in self.NAMES:
            return FolderId(id=self.id)
        address = self.account.primary_smtp_address
        mailbox = Mailbox(email_address=address) if address else None
        return _Distinguished(id=self.id, mailbox=mailbox)
