"""FindItem's questions: restrictions, query strings, sort order and paging."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element

from tests.servers.ews_fields import extended_texts
from tests.servers.ews_item import Item
from tests.servers.ews_xml import Path, Refusal, child, children, local, path_of, truth

Comparable = str | int | bool | datetime | None
MOST_FOUND: Final = 1000
"""Items of one page of FindItem at most (EWSFindCountLimit)."""

_VALUES: Final[dict[str, Callable[[Item], Comparable]]] = {
    "item:ItemClass": lambda item: item.item_class,
    "item:Subject": lambda item: item.subject,
    "item:Body": lambda item: item.text,
    "item:Sensitivity": lambda item: item.sensitivity,
    "item:Importance": lambda item: item.importance,
    "item:DateTimeReceived": lambda item: item.received,
    "item:DateTimeSent": lambda item: item.sent or item.created,
    "item:DateTimeCreated": lambda item: item.created,
    "item:LastModifiedTime": lambda item: item.modified,
    "item:Size": lambda item: item.size,
    "item:InReplyTo": lambda item: item.in_reply_to or None,
    "item:IsDraft": lambda item: item.draft,
    "item:IsFromMe": lambda item: item.from_me,
    "item:HasAttachments": lambda item: bool(item.parts),
    "item:DisplayTo": lambda item: "; ".join(box.name or box.address for box in item.to),
    "item:ConversationId": lambda item: item.conversation,
    "item:Categories": lambda item: "\n".join(item.categories) or None,
    "message:ConversationTopic": lambda item: item.topic,
    "message:From": lambda item: item.author.address if item.author else None,
    "message:Sender": lambda item: item.sender.address if item.sender else None,
    "message:InternetMessageId": lambda item: item.message_id or None,
    "message:IsRead": lambda item: item.read,
    "message:References": lambda item: item.references or None,
}


def value_of(item: Item, path: Path) -> Comparable:
    """A property as something to compare; None where the item has none."""
    if path.extended:
        texts = extended_texts(item, path)
        return None if texts is None else typed("\n".join(texts), path.kind)
    read = _VALUES.get(path.uri)
    if read is None:
        raise Refusal("ErrorUnsupportedPathForQuery", f"{path.uri} cannot be searched for.")
    return read(item)


def typed(text: str, kind: str) -> Comparable:
    if kind in {"Integer", "Short", "Long"}:
        return int(text)
    if kind == "Boolean":
        return truth(text)
    return moment(text) if kind == "SystemTime" else text


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("ErrorInvalidValueForProperty", f"{text} is no time.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def constant(text: str, like: Comparable) -> Comparable:
    """The constant of a restriction as the kind of value that it is compared with."""
    if isinstance(like, bool):
        return truth(text)
    if isinstance(like, int):
        return int(text)
    return moment(text) if isinstance(like, datetime) else text


def fits(item: Item, test: Element) -> bool:
    """Whether an item meets the search expression."""
    name = local(test)
    if name == "And":
        return all(fits(item, each) for each in test)
    if name == "Or":
        return any(fits(item, each) for each in test)
    if name == "Not":
        return not any(fits(item, each) for each in test)
    path = next((found for each in test if (found := path_of(each)) is not None), None)
    if path is None:
        raise Refusal("ErrorInvalidRestriction", f"{name} is no search expression.")
    value = value_of(item, path)
    if name == "Exists":
        return value is not None
    return contains(value, test) if name == "Contains" else compares(item, value, test)


def contains(value: Comparable, test: Element) -> bool:
    found = child(test, "Constant")
    wanted = found.get("Value", "") if found is not None else ""
    if value is None:
        return False
    text = str(value)
    if "IgnoreCase" in test.get("ContainmentComparison", "Exact"):
        text, wanted = text.lower(), wanted.lower()
    mode = test.get("ContainmentMode", "Substring")
    if mode == "FullString":
        return text == wanted
    return text.startswith(wanted) if mode == "Prefixed" else wanted in text


def compares(item: Item, value: Comparable, test: Element) -> bool:
    other: Comparable = None
    for each in children(test, "FieldURIOrConstant"):
        path = path_of(each)
        if path is not None:
            other = value_of(item, path)
        elif value is not None:
            other = constant(each.get("Value", ""), value)
    name = local(test)
    if name == "IsNotEqualTo":
        return value != other
    if value is None or other is None:
        return False
    if name == "IsEqualTo":
        return value == other
    order = -1 if value < other else int(value > other)  # type: ignore[operator]
    wanted = {
        "IsGreaterThan": order > 0,
        "IsGreaterThanOrEqualTo": order >= 0,
        "IsLessThan": order < 0,
        "IsLessThanOrEqualTo": order <= 0,
    }
    if name not in wanted:
        raise Refusal("ErrorInvalidRestriction", f"{name} is no search expression.")
    return wanted[name]


def fits_query(item: Item, query: str) -> bool:
    """A small part of Advanced Query Syntax: words, and ``property:word``, all of which must fit."""
    sender = f"{item.author.name} {item.author.address}" if item.author else ""
    places = {
        "subject": item.subject,
        "from": sender,
        "to": " ".join(f"{box.name} {box.address}" for box in item.to),
        "body": item.text,
    }
    for word in re.findall(r'\w+:"[^"]*"|"[^"]*"|\S+', query):
        name, colon, value = word.partition(":")
        where = [places[name.lower()]] if colon and name.lower() in places else places.values()
        wanted = (value if colon and name.lower() in places else word).strip('"').lower()
        if not any(wanted in text.lower() for text in where):
            return False
    return True


def in_order(items: list[Item], order: Element | None) -> list[Item]:
    """Sorted as asked for; without a wish the newest first."""
    found = sorted(items, key=lambda item: item.received, reverse=True)
    for each in reversed(list(children(order))):
        path = next((path for inner in each if (path := path_of(inner)) is not None), None)
        if path is None or (not path.extended and path.uri not in _VALUES):
            raise Refusal("ErrorUnsupportedPathForSortGroup", "Items cannot be sorted by that.")
        found.sort(
            key=lambda item, path=path: sort_key(value_of(item, path)),  # type: ignore[misc]
            reverse=each.get("Order") == "Descending",
        )
    return found


def sort_key(value: Comparable) -> tuple[bool, str | float]:
    if isinstance(value, datetime):
        return True, value.timestamp()
    if isinstance(value, bool | int):
        return True, float(value)
    return value is not None, (value or "").lower()


def page(items: list[Item], view: Element | None) -> tuple[list[Item], int, bool]:
    """The page that an IndexedPageItemView asks for, the offset behind it, and is it the last."""
    most, offset = MOST_FOUND, 0
    if view is not None:
        most = min(int(view.get("MaxEntriesReturned", MOST_FOUND)), MOST_FOUND)
        offset = int(view.get("Offset", 0))
        if view.get("BasePoint") == "End":
            offset = max(0, len(items) - offset - most)
    found = items[offset : offset + most]
    return found, offset + len(found), offset + len(found) >= len(items)
