"""Writing and taking apart the XML of EWS (MS-OXWSCORE, MS-OXWSCDATA).

Elements are lxml's, which has no type hints. Names with ``t:`` are of the types namespace, with
``m:`` of the messages namespace.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from exchangelib.util import MNS, TNS, create_element

from appliance.mailbox.mailstore import PROPERTY_SET

Element: TypeAlias = Any

_PREFIXES: Final = {"t": f"{{{TNS}}}", "m": f"{{{MNS}}}"}
_FORBIDDEN: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 (§2.2) cannot hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """An extended property (MS-OXWSXPROP): a MAPI tag, or a name in a property set."""

    tag: int | None = None
    name: str = ""
    internet_header: bool = False
    type: str = "String"

    def uri(self) -> Element:
        """The element that names the property."""
        if self.tag is not None:
            where = {"PropertyTag": f"0x{self.tag:04x}"}
        elif self.internet_header:
            where = {"DistinguishedPropertySetId": "InternetHeaders", "PropertyName": self.name}
        else:
            where = {"PropertySetId": str(PROPERTY_SET), "PropertyName": self.name}
        return create_element("t:ExtendedFieldURI", attrs={**where, "PropertyType": self.type})

    def with_value(self, value: str) -> Element:
        """The element that gives the property a value."""
        return made("t:ExtendedProperty", self.uri(), made("t:Value", text=value))

    def of(self, item: Element) -> str | None:
        """The property's value on an item, or None."""
        for one in item.iterfind(f"{_PREFIXES['t']}ExtendedProperty"):
            uri = one.find(f"{_PREFIXES['t']}ExtendedFieldURI")
            if uri is not None and self._is(uri):
                return text_of(one, "t:Value")
        return None

    def _is(self, uri: Element) -> bool:
        if self.tag is not None:
            said = uri.get("PropertyTag") or ""
            return bool(re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|\d{1,9}", said)) and (
                int(said, 0 if said[1:2] in {"x", "X"} else 10) == self.tag
            )
        return (uri.get("PropertyName") or "").lower() == self.name.lower()


def made(tag: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element with attributes, children and text; what XML cannot hold is left out of it."""
    element = create_element(
        tag, attrs={name: _FORBIDDEN.sub("", value) for name, value in attributes.items()}
    )
    for child in children:
        element.append(child)
    if text is not None:
        element.text = _FORBIDDEN.sub("", text)
    return element


def field(uri: str) -> Element:
    """The element that names a property of the schema, as ``item:Subject``."""
    return made("t:FieldURI", FieldURI=uri)


def shape(tag: str, *uris: Element) -> Element:
    """Which properties an answer shall hold, besides the id."""
    return made(
        tag,
        made("t:BaseShape", text="IdOnly"),
        *((made("t:AdditionalProperties", *uris),) if uris else ()),
    )


def item_id(ref: str, change_key: str = "", tag: str = "t:ItemId") -> Element:
    """The id of a mail; with its change key where the server checks it."""
    return made(tag, Id=ref, **({"ChangeKey": change_key} if change_key else {}))


def item_ids(refs: Iterable[str]) -> Element:
    """The ids of several mails."""
    return made("m:ItemIds", *(item_id(ref) for ref in refs))


def equal(uri: Element, value: str) -> Element:
    """A condition: the property has this value."""
    constant = made("t:FieldURIOrConstant", made("t:Constant", Value=value))
    return made("t:IsEqualTo", uri, constant)


def containing(uri: Element, value: str) -> Element:
    """A condition: the property holds this text."""
    return made(
        "t:Contains",
        uri,
        made("t:Constant", Value=value),
        ContainmentMode="Substring",
        ContainmentComparison="IgnoreCase",
    )


def either(conditions: Iterable[Element]) -> Element:
    """A condition: one of these is met; there is at least one."""
    every = tuple(conditions)
    return every[0] if len(every) == 1 else made("t:Or", *every)


def person(tag: str, address: str, name: str) -> Element:
    """Somebody in a header."""
    return made(
        tag,
        made(
            "t:Mailbox",
            *((made("t:Name", text=name),) if name else ()),
            made("t:EmailAddress", text=address),
            made("t:RoutingType", text="SMTP"),
        ),
    )


def text_of(element: Element, path: str) -> str | None:
    """The text of the first descendant along ``path`` (``t:A/t:B``), or None."""
    found = first(element, path)
    return None if found is None else found.text or ""


def first(element: Element, path: str) -> Element | None:
    """The first descendant along ``path``, or None."""
    return element.find(_expanded(path))


def every(element: Element, path: str) -> Iterator[Element]:
    """The descendants along ``path``."""
    found: Iterator[Element] = element.iterfind(_expanded(path))
    return found


def id_of(element: Element, path: str = "t:ItemId") -> tuple[str, str] | None:
    """The id and the change key below an element, or None."""
    found = first(element, path)
    if found is None or not found.get("Id"):
        return None
    return found.get("Id"), found.get("ChangeKey") or ""


def local_name(element: Element) -> str:
    """The tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _expanded(path: str) -> str:
    return "/".join(
        _PREFIXES[prefix] + name
        for prefix, _, name in (one.partition(":") for one in path.split("/"))
    )
