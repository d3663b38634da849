"""The XML of EWS: names, property paths, envelopes, refusals and faults."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

S: Final = "http://schemas.xmlsoap.org/soap/envelope/"
M: Final = "http://schemas.microsoft.com/exchange/services/2006/messages"
T: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
E: Final = "http://schemas.microsoft.com/exchange/services/2006/errors"

INTERNET_HEADERS: Final = "00020386-0000-0000-c000-000000000046"
SETS: Final = {
    "Address": "00062004-0000-0000-c000-000000000046",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "InternetHeaders": INTERNET_HEADERS,
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
    "Task": "00062003-0000-0000-c000-000000000046",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
}
VERSION: Final = (
    '<t:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" '
    f'MinorBuildNumber="9" Version="V2017_07_11" xmlns:t="{T}"/>'
)
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Refusal(Exception):
    """One item of a request is refused: a ResponseMessage of class Error."""

    def __init__(self, code: str, text: str = "The request was refused.") -> None:
        super().__init__(code)
        self.code, self.text = code, text


class SoapFault(Exception):
    """The whole request is refused: HTTP 500 and a SOAP fault."""

    def __init__(self, code: str, text: str, values: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.code, self.text, self.values = code, text, values or {}


@dataclass(frozen=True, slots=True)
class Path:
    """A property: ``uri`` of a field, or tag, or set with name or number (``#`` and digits)."""

    uri: str = ""
    tag: int = 0
    set_id: str = ""
    name: str = ""
    label: str = field(default="", compare=False)
    kind: str = field(default="", compare=False)

    @property
    def extended(self) -> bool:
        return not self.uri

    @property
    def array(self) -> bool:
        return self.kind.endswith("Array")

    @property
    def attributes(self) -> str:
        """As an ExtendedFieldURI has it."""
        if self.tag:
            return f'PropertyTag="0x{self.tag:x}" PropertyType="{self.kind}"'
        name = (
            f'PropertyId="{self.name[1:]}"'
            if self.name.startswith("#")
            else f'PropertyName="{escape(self.label)}"'
        )
        known = next((key for key, value in SETS.items() if value == self.set_id), "")
        where = (
            f'DistinguishedPropertySetId="{known}"' if known else f'PropertySetId="{self.set_id}"'
        )
        return f'{where} {name} PropertyType="{self.kind}"'


def tag_path(tag: int, kind: str = "String") -> Path:
    return Path(tag=tag, kind=kind)


def header_path(name: str) -> Path:
    """The InternetHeaders property of a header; its name has no case."""
    return Path(set_id=INTERNET_HEADERS, name=name.lower(), label=name, kind="String")


def path_of(element: Element) -> Path | None:
    """The property that a path element names; None where it is no path."""
    name = local(element)
    if name == "FieldURI":
        return Path(uri=element.get("FieldURI", ""))
    if name == "IndexedFieldURI":
        return Path(uri=element.get("FieldURI", ""), name=element.get("FieldIndex", ""))
    if name != "ExtendedFieldURI":
        return None
    kind = element.get("PropertyType", "String")
    if tag := element.get("PropertyTag"):
        return Path(tag=int(tag, 0), kind=kind)
    set_id = element.get("PropertySetId", "").lower()
    if known := element.get("DistinguishedPropertySetId"):
        if known not in SETS:
            raise SoapFault("ErrorSchemaValidation", f"Unknown property set {known}.")
        set_id = SETS[known]
    label = element.get("PropertyName", "")
    name = label.lower() if set_id == INTERNET_HEADERS else label
    if number := element.get("PropertyId"):
        name = f"#{int(number, 0)}"
    if not set_id or not name:
        raise SoapFault("ErrorInvalidExtendedProperty", "A property needs a set and a name.")
    return Path(set_id=set_id, name=name, label=label, kind=kind)


def paths_under(element: Element | None) -> list[Path]:
    """The paths that are direct children."""
    if element is None:
        return []
    return [path for child in element if (path := path_of(child)) is not None]


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def child(element: Element | None, *names: str) -> Element | None:
    """Go down through children of these names, whatever their namespaces."""
    for name in names:
        if element is None:
            return None
        element = next((each for each in element if local(each) == name), None)
    return element


def children(element: Element | None, *names: str) -> Iterator[Element]:
    """What lies in the element that ``child`` finds."""
    found = child(element, *names) if names else element
    yield from found if found is not None else ()


def text_in(element: Element | None, *names: str) -> str:
    """The text of a descendant, stripped of nothing; empty where there is none."""
    found = child(element, *names)
    return (found.text or "") if found is not None else ""


def truth(text: str) -> bool:
    return text.strip().lower() in {"true", "1"}


def escape(text: str) -> str:
    """Fit for text and for attributes, without what XML 1.0 cannot carry."""
    text = _ILLEGAL.sub("?", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A bare CR would be read as LF (XML 1.0 section 2.11).
    return text.replace('"', "&quot;").replace("\r", "&#xD;")


def envelope(body: str) -> bytes:
    """A whole answer."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="{S}"><s:Header>{VERSION}</s:Header>'
        f'<s:Body xmlns:m="{M}" xmlns:t="{T}">{body}</s:Body></s:Envelope>'
    ).encode()


def answer(operation: str, messages: list[str], name: str = "ResponseMessages") -> str:
    """The body of an answer with its ResponseMessages."""
    return (
        f"<m:{operation}Response><m:{name}>{''.join(messages)}</m:{name}></m:{operation}Response>"
    )


def success(operation: str, inner: str = "") -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success">'
        f"<m:ResponseCode>NoError</m:ResponseCode>{inner}</m:{operation}ResponseMessage>"
    )


def refused(operation: str, error: Refusal, inner: str = "", *, shaped: bool = True) -> str:
    if operation == "SyncFolderItems" and shaped:
        # Clients read both before they look at the code.
        inner = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Error">'
        f"<m:MessageText>{escape(error.text)}</m:MessageText>"
        f"<m:ResponseCode>{error.code}</m:ResponseCode>"
        f"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{inner}</m:{operation}ResponseMessage>"
    )


def fault(error: SoapFault, prefix: str = "s") -> bytes:
    """A SOAP 1.1 fault; see ``Personality.soap_prefix``."""
    values = "".join(
        f'<t:Value Name="{escape(name)}">{escape(value)}</t:Value>'
        for name, value in error.values.items()
    )
    xml = f'<t:MessageXml xmlns:t="{T}">{values}</t:MessageXml>' if values else ""
    document = (
        f'<{prefix}:Envelope xmlns:{prefix}="{S}"><{prefix}:Body><{prefix}:Fault>'
        f'<faultcode xmlns:a="{T}">a:{error.code}</faultcode>'
        f'<faultstring xml:lang="en-US">{escape(error.text)}</faultstring><detail>'
        f'<e:ResponseCode xmlns:e="{E}">{error.code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{E}">{escape(error.text)}</e:Message>{xml}'
        f"</detail></{prefix}:Fault></{prefix}:Body></{prefix}:Envelope>"
    )
    declaration = '<?xml version="1.0" encoding="utf-8"?>' if prefix == "s" else ""
    return (declaration + document).encode()
