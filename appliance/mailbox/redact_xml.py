"""SOAP without what is personal: names of elements, codes, flags and sizes stay."""

import re
from collections.abc import Mapping
from typing import Final
from xml.parsers import expat

from appliance.mailbox.mailstore import Tag
from appliance.mailbox.redact import Placeholders, header_name, mime_shape

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}(?::[A-Za-z_][A-Za-z0-9_]{0,60})?")
_FLAG: Final = r"true|false"
_COUNT: Final = r"-?[0-9]{1,10}"
_NAMESPACE: Final = re.compile(
    r"https?://(?:schemas\.(?:microsoft|xmlsoap)\.(?:com|org)|www\.w3\.org)/[A-Za-z0-9/._#-]{0,80}"
)

# What may stay as the text of an element, by its name without prefix.
_TEXTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        """IsRead IsDraft IsFromMe IsResubmitted IsUnmodified IsSubmitted IsAssociated
        HasAttachments IncludesLastItemInRange IncludeMimeContent MoreEvents IsInline
        IsDeliveryReceiptRequested IsReadReceiptRequested SubscribeToAllFolders""".split(),
        _FLAG,
    ),
    **dict.fromkeys(
        """Size TotalCount ChildFolderCount UnreadCount Count ConnectionTimeout Timeout
        MaxChangesReturned DaysRemaining LineNumber LinePosition""".split(),
        _COUNT,
    ),
    "ResponseCode": r"NoError|(?:Error|Warning)[A-Z][A-Za-z]{1,60}",
    "faultcode": r"[a-z]{1,4}:(?:Error[A-Z][A-Za-z]{1,60}|Client|Server)",
    "BaseShape": r"IdOnly|Default|AllProperties",
    "BodyType": r"Best|HTML|Text",
    "SyncScope": r"NormalItems|NormalAndAssociatedItems",
    "ConnectionStatus": r"OK|Closed",
    "EventType": r"[A-Z][A-Za-z]{1,10}Event",
    "ItemClass": r"IPM\.Note|IPM\.Post|IPM\.StickyNote",
    "FolderClass": r"IPF\.Note|IPF",
    "RoutingType": r"SMTP|EX",
    "Importance": r"Low|Normal|High",
    "Sensitivity": r"Normal|Personal|Private|Confidential",
}
_PATHS: Final = r"(?:item|message|folder|conversation):[A-Z][A-Za-z]{1,50}"
_ATTRIBUTES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        """MajorVersion MinorVersion MajorBuildNumber MinorBuildNumber Offset IndexedPagingOffset
        TotalItemsInView MaxEntriesReturned NumeratorOffset AbsoluteDenominator""".split(),
        _COUNT,
    ),
    **dict.fromkeys(
        ("IncludesLastItemInRange", "SaveItemToFolder", "IsTruncated", "mustUnderstand"),
        f"{_FLAG}|[01]",
    ),
    "Version": r"V\d{1,4}(?:_\d{1,3}){0,2}|Exchange\d{4}(?:_SP\d)?",
    "ResponseClass": r"Success|Warning|Error",
    "Traversal": r"Shallow|Deep|SoftDeleted|Associated",
    "BasePoint": r"Beginning|End",
    "Order": r"Ascending|Descending",
    "FieldURI": _PATHS,
    "PropertyTag": r"0x[0-9A-Fa-f]{1,4}|[0-9]{1,6}",
    "PropertyType": r"[A-Z][A-Za-z0-9]{1,20}",
    "PropertyName": "|".join(tag.value for tag in Tag),
    "DistinguishedPropertySetId": r"InternetHeaders|Common|PublicStrings",
    "PropertySetId": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "BodyType": r"HTML|Text",
    "ConflictResolution": r"NeverOverwrite|AutoResolve|AlwaysOverwrite",
    "MessageDisposition": r"SaveOnly|SendOnly|SendAndSaveCopy",
    "DeleteType": r"HardDelete|SoftDelete|MoveToDeletedItems",
    "SuppressReadReceipts": _FLAG,
}
_FOLDERS: Final = frozenset({"inbox", "drafts", "sentitems", "outbox", "msgfolderroot", "root"})
_IDS: Final = frozenset({"SyncState", "SubscriptionId", "Watermark", "PreviousWatermark"})
_DEEP: Final = 60


class _Unreadable(Exception):
    """Not XML, or XML of a kind that nobody needs here (a document type, endless depth)."""


def redacted_xml(content: bytes, placeholders: Placeholders) -> str:
    """Every document in ``content``, indented; what is no XML becomes its size."""
    documents = [one for one in re.split(rb"(?=<\?xml )", content.strip()) if one.strip()]
    shown = []
    for document in documents or [b""]:
        try:
            shown.append(_Walk(placeholders).run(document))
        except (expat.ExpatError, _Unreadable, UnicodeError, LookupError):
            shown.append(f"no XML, {len(document)} bytes")
    return "\n".join(shown)


class _Walk:
    """One pass over one document; nothing of it is resolved, fetched or expanded."""

    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self._lines: list[str] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._bare = False

    def run(self, document: bytes) -> str:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _refuse
        parser.Parse(document, True)  # noqa: FBT003 - expat's own signature
        return "\n".join(self._lines)

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._flush()
        if len(self._open) > _DEEP:
            raise _Unreadable
        shown = _named(name)
        local = _local(name)
        fields = "".join(
            f' {_named(key)}="{self._attribute(local, key, value)}"'
            for key, value in attributes.items()
        )
        self._lines.append(f"{self._indent}<{shown}{fields}>")
        self._open.append(name)
        self._bare = True

    def _end(self, _name: str) -> None:
        self._flush()
        name = self._open.pop()
        if self._bare:
            self._lines[-1] += f"</{_named(name)}>"
        else:
            self._lines.append(f"{self._indent}</{_named(name)}>")
        self._bare = False

    def _flush(self) -> None:
        """What stood between two tags."""
        text = "".join(self._text).strip()
        self._text.clear()
        if not text or not self._open:
            return
        shown = self._shown(_local(self._open[-1]), text)
        if self._bare:
            self._lines[-1] += shown
        else:
            self._lines.append(f"{self._indent}{shown}")

    def _shown(self, name: str, text: str) -> str:
        if name in _TEXTS and re.fullmatch(_TEXTS[name], text):
            return text
        if name == "MimeContent":
            return mime_shape(text.encode())
        if name in _IDS:
            return self._placeholders.identifier(text)
        return self._placeholders.text(text)

    def _attribute(self, element: str, key: str, value: str) -> str:
        local = _local(key)
        if key == "xmlns" or key.startswith("xmlns:"):
            return (
                value if _NAMESPACE.fullmatch(value) else self._placeholders.named("space", value)
            )
        if local in _ATTRIBUTES and re.fullmatch(_ATTRIBUTES[local], value):
            return value
        if element == "DistinguishedFolderId" and local == "Id" and value in _FOLDERS:
            return value
        if local == "HeaderName" or (local == "PropertyName" and element == "ExtendedFieldURI"):
            return header_name(value)
        if local in {"Id", "ChangeKey", "RootItemId", "RootItemChangeKey"}:
            return self._placeholders.identifier(value)
        return self._placeholders.text(value)

    @property
    def _indent(self) -> str:
        return " " * len(self._open)


def _refuse(*_parts: object) -> None:
    raise _Unreadable


def _named(name: str) -> str:
    return name if _NAME.fullmatch(name) else f"name-{len(name)}-chars"


def _local(name: str) -> str:
    return name.rpartition(":")[2]
