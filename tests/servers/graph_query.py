"""Query options of the Graph server: ``$filter`` as a small language, and Graph's rules for it.

Understood: and, or, not, brackets, comparisons of the properties below, startswith and contains,
``categories/any`` and ``singleValueExtendedProperties/any``. All else is refused.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tests.servers.graph_errors import GraphError, bad_request
from tests.servers.graph_values import property_id

Reading = Callable[[Any, str], Any]
"""Gives the value of an object by path (``from/emailAddress/address``) or extended property id."""
Test = Callable[[Any], bool]

DATES: Final = frozenset(
    "receivedDateTime sentDateTime createdDateTime lastModifiedDateTime".split()
)
STRINGS: Final = frozenset(
    "subject internetMessageId conversationId importance inferenceClassification "
    "from/emailAddress/address from/emailAddress/name sender/emailAddress/address "
    "sender/emailAddress/name parentFolderId".split()
)
BOOLEANS: Final = frozenset("isRead isDraft hasAttachments".split())
ORDERED: Final = (
    DATES | BOOLEANS | frozenset("subject importance from/emailAddress/address".split())
)

_WORD: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?)"
    r"|(?P<number>-?\d+)|(?P<name>[A-Za-z_][\w./]*)|(?P<mark>[(),:]))"
)
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda one, other: bool(one == other),
    "ne": lambda one, other: bool(one != other),
    "gt": lambda one, other: bool(one > other),
    "ge": lambda one, other: bool(one >= other),
    "lt": lambda one, other: bool(one < other),
    "le": lambda one, other: bool(one <= other),
}


def unclear(message: str) -> GraphError:
    """A filter that Graph cannot read or does not support."""
    return bad_request(f"Invalid filter clause: {message}", "ErrorInvalidUrlQueryFilter")


def no_property(name: str) -> GraphError:
    """A name in a query option that the schema does not have."""
    return bad_request(
        f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on "
        "type 'microsoft.graph.message'.",
        "RequestBroker--ParseUri",
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """What a ``$filter`` asks, and the properties in it, in order."""

    test: Test
    names: tuple[str, ...]


@dataclass(slots=True)
class _Parser:
    words: list[tuple[str, str]]
    read: Reading
    names: list[str] = field(default_factory=list)

    def take(self, *wanted: str) -> str:
        kind, word = self.words.pop(0) if self.words else ("end", "")
        if wanted and word.lower() not in wanted and kind not in wanted:
            raise unclear(f"'{word}' where {' or '.join(wanted)} was expected.")
        return word

    def peek(self, offset: int = 0) -> str:
        return self.words[offset][1].lower() if len(self.words) > offset else ""

    def either(self) -> Test:
        tests = [self.both()]
        while self.peek() == "or":
            self.take()
            tests.append(self.both())
        return lambda one: any(test(one) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.peek() == "and":
            self.take()
            tests.append(self.single())
        return lambda one: all(test(one) for test in tests)

    def single(self) -> Test:
        if self.peek() == "not":
            self.take()
            inner = self.single()
            return lambda one: not inner(one)
        if self.peek() == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if self.peek() in {"startswith", "contains", "endswith"}:
            return self.function()
        name = self.take("name")
        if name.lower() == "singlevalueextendedproperties/any":
            return self.extended()
        if name.lower() == "categories/any":
            return self.category()
        return self.comparison(name)

    def comparison(self, name: str) -> Test:
        compare = _COMPARISONS[self.take(*_COMPARISONS)]
        if name in DATES:
            wanted: Any = when(self.take("date"))
        elif name in STRINGS:
            wanted = text(self.take("text"))
        elif name in BOOLEANS:
            wanted = self.take("true", "false").lower() == "true"
        else:
            raise self.unknown(name)
        self.names.append(name)
        return lambda one: compare(self.read(one, name), wanted)

    def unknown(self, name: str) -> GraphError:
        if name in {"internetMessageHeaders", "body/content", "toRecipients", "id", "size"}:
            return unclear(f"The property '{name}' does not support filtering.")
        return no_property(name)

    def function(self) -> Test:
        kind = self.take().lower()
        self.take("(")
        name = self.take("name")
        self.take(",")
        wanted = text(self.take("text")).lower()
        self.take(")")
        if name not in STRINGS:
            raise self.unknown(name)
        self.names.append(name)
        return lambda one: _FUNCTIONS[kind](str(self.read(one, name) or "").lower(), wanted)

    def category(self) -> Test:
        self.take("(")
        variable = self.take("name").lower()
        self.take(":")
        self.take(variable)
        self.take("eq")
        wanted = text(self.take("text"))
        self.take(")")
        self.names.append("categories")
        return lambda one: wanted in self.read(one, "categories")

    def extended(self) -> Test:
        self.take("(")
        variable = self.take("name").lower()
        self.take(":")
        self.take(f"{variable}/id")
        self.take("eq")
        name = property_id(text(self.take("text")))
        self.take("and")
        test = self.value(variable, name)
        self.take(")")
        self.names.append("singleValueExtendedProperties")
        return lambda one: (found := self.read(one, name)) is not None and test(found)

    def value(self, variable: str, name: str) -> Callable[[str], bool]:
        kind = name.partition(" ")[0]
        if self.peek() in {"contains", "startswith"} and kind == "String":
            function = _FUNCTIONS[self.take().lower()]
            self.take("(")
            self.take(f"{variable}/value")
            self.take(",")
            part = text(self.take("text")).lower()
            self.take(")")
            return lambda found: function(found.lower(), part)
        if self.peek() == "cast":
            return self.number(variable)
        if kind != "String":
            raise unclear(f"A property of type {kind} needs a cast of {variable}/value.")
        self.take(f"{variable}/value")
        compare = _COMPARISONS[self.take("eq", "ne")]
        wanted = text(self.take("text")).lower()
        # The documentation: filtering the value of an extended property is case-insensitive.
        return lambda found: compare(found.lower(), wanted)

    def number(self, variable: str) -> Callable[[str], bool]:
        for word in ("cast", "(", f"{variable}/value", ",", "name", ")"):
            self.take(word)
        compare = _COMPARISONS[self.take(*_COMPARISONS)]
        wanted = int(self.take("number"))
        return lambda found: compare(int(found), wanted)


_FUNCTIONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


def parse(told: str, read: Reading) -> Filter:
    """A filter; raises GraphError."""
    words: list[tuple[str, str]] = []
    place = 0
    while told[place:].strip():
        found = _WORD.match(told, place)
        if found is None:
            raise unclear(f"Syntax error at position {place}.")
        assert found.lastgroup is not None
        words.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    parser = _Parser(words, read)
    test = parser.either()
    if parser.words:
        raise unclear(f"Syntax error at '{parser.peek()}'.")
    return Filter(test, tuple(parser.names))


def text(quoted: str) -> str:
    """A string literal without its quotes."""
    return quoted[1:-1].replace("''", "'")


def when(told: str) -> datetime:
    """A moment or a day (in UTC); raises GraphError."""
    try:
        found = datetime.fromisoformat(told)
    except ValueError as error:
        raise unclear(f"'{told}' is no DateTimeOffset.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def order(told: str, filtered: Filter | None) -> list[tuple[str, bool]]:
    """``$orderby`` as names with whether they fall; they must lead the filter, in this order."""
    found: list[tuple[str, bool]] = []
    for part in told.split(","):
        name, _, way = part.strip().partition(" ")
        if name not in ORDERED:
            raise no_property(name)
        if way.strip().lower() not in {"", "asc", "desc"}:
            raise bad_request(f"Syntax error in '$orderby' at '{way}'.", "ErrorInvalidUrlQuery")
        found.append((name, way.strip().lower() == "desc"))
    names = tuple(name for name, _ in found)
    if filtered is not None and _unique(filtered.names)[: len(names)] != names:
        raise GraphError(
            400,
            "InefficientFilter",
            "The restriction or sort order is too complex for this operation.",
        )
    return found


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def whole(told: str, name: str, lowest: int, highest: int) -> int:
    """A number between two others; raises GraphError."""
    if not told.isdigit() or not lowest <= int(told) <= highest:
        raise bad_request(
            f"Invalid value '{told}' for {name} query option found. The {name} query option "
            f"requires an integer between {lowest} and {highest}.",
            "ErrorInvalidUrlQuery",
        )
    return int(told)
