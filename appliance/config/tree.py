"""TOML text to frozen dataclasses by their type hints, every mistake named at once."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from appliance.config.lines import Key, key_lines, nearest_line
from appliance.domain.errors import ConfigError
from appliance.domain.mail import Address

T = TypeVar("T")
_Shape = Callable[[Any, Any, Key], Any]

_WRONG: Final = object()
"""Stands for a value that was refused; never leaves this module."""

_ADDRESS: Final = re.compile(r"""[^@\s<>,;:"\\]+@[^@\s<>,;:"\\]+""")

_NAMES: Final[Mapping[type, str]] = MappingProxyType(
    {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text in quotes",
        Path: "a path in quotes",
        datetime: "a date with time and offset",
        dict: "a table",
        list: "a list",
    }
)


class TreeReader:
    """One pass over one TOML text.

    ``read`` collects problems instead of stopping at the first; checks that need more than one
    value add theirs with ``refuse`` and look at what could be read with ``found``; ``checked``
    raises them all.

    Args:
        text: the TOML text.
        place: its file name, for the problems and as the base of relative paths.

    Raises:
        ConfigError: the text is no TOML; the problem names line and column.
    """

    def __init__(self, text: str, place: str) -> None:
        self._text = text
        self._place = place
        self._problems: list[tuple[int, str]] = []
        self._found: dict[Key, Any] = {}
        try:
            self._raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError((f"{place}: this is not valid TOML: {error}.",)) from error

    @cached_property
    def _lines(self) -> Mapping[Key, int]:
        return key_lines(self._text)

    def read(self, kind: type[T]) -> T | None:
        """The whole text as ``kind``; None where any part of it was refused."""
        value = self._table(kind, self._raw, ())
        return value if isinstance(value, kind) else None

    def found(self, *key: str | int) -> Any:
        """What was read at ``key`` (defaults are not), or None."""
        return self._found.get(key)

    def each(self, array: str, name: str) -> tuple[tuple[Key, Any], ...]:
        """``(key, value)`` of ``name`` in every table of ``[[array]]`` where it could be read."""
        return tuple(
            (key, value)
            for key, value in self._found.items()
            if len(key) == 3 and key[0] == array and key[2] == name  # noqa: PLR2004
        )

    def refuse(self, key: Key, sentence: str) -> None:
        """Add a problem; ``sentence`` goes on after the key, as in "must be …"."""
        line = nearest_line(self._lines, key)
        place = self._place if line is None else f"{self._place}, line {line}"
        self._problems.append((line or 0, f"{place}: {_shown(key)} {sentence}"))

    def checked(self, value: T | None) -> T:
        """``value``, once nothing is wrong.

        Raises:
            ConfigError: with every problem, in the order of the lines.
        """
        if self._problems or value is None:
            ordered = sorted(self._problems, key=lambda problem: problem[0])
            raise ConfigError(tuple(sentence for _, sentence in ordered))
        return value

    def _table(self, kind: Any, raw: object, key: Key) -> Any:
        if not isinstance(raw, dict):
            return self._refused(key, "must be a table", raw)
        known = {item.name: item for item in fields(kind)}
        for name in raw:
            if name not in known:
                self.refuse((*key, name), f"is not a setting{suggestion(name, known)}")
        hints = get_type_hints(kind)
        values: dict[str, Any] = {}
        for name, item in known.items():
            if name in raw:
                values[name] = self._member(item, hints[name], raw[name], (*key, name))
            elif _default(item) is MISSING:
                self.refuse((*key, name), "is missing.")
                values[name] = _WRONG
        return _WRONG if any(value is _WRONG for value in values.values()) else kind(**values)

    def _member(self, item: Field[Any], kind: Any, raw: object, key: Key) -> Any:
        value = self._value(kind, raw, key)
        if value is _WRONG:
            return _WRONG
        limits = item.metadata.get("limits")
        if limits and not limits[0] <= value <= limits[1]:
            return self._refused(key, "must be from {:g} to {:g}".format(*limits), raw)
        if isinstance(value, Mapping):
            default = _default(item)
            value = MappingProxyType({**({} if default is MISSING else default), **value})
        self._found[key] = value
        return value

    def _value(self, kind: Any, raw: object, key: Key) -> Any:
        if isinstance(kind, type) and is_dataclass(kind):
            return self._table(kind, raw, key)
        shapes: Mapping[Any, _Shape] = {
            tuple: self._list,
            Literal: self._choice,
            Mapping: self._mapping,
            UnionType: self._union,
        }
        read: _Shape = shapes.get(get_origin(kind)) or self._scalar
        return read(kind, raw, key)

    def _list(self, kind: Any, raw: object, key: Key) -> Any:
        if not isinstance(raw, list):
            return self._refused(key, "must be a list in square brackets", raw)
        (item, _) = get_args(kind)
        values = tuple(self._value(item, each, (*key, at)) for at, each in enumerate(raw))
        return _WRONG if any(value is _WRONG for value in values) else values

    def _choice(self, kind: Any, raw: object, key: Key) -> Any:
        choices = get_args(kind)
        if isinstance(raw, str) and raw in choices:
            return raw
        listed = ", ".join(choices)
        if isinstance(raw, str):
            self.refuse(key, f'must be one of {listed}, not "{raw}"{suggestion(raw, choices)}')
            return _WRONG
        return self._refused(key, f"must be one of {listed}", raw)

    def _mapping(self, kind: Any, raw: object, key: Key) -> Any:
        if not isinstance(raw, dict):
            return self._refused(key, "must be a table", raw)
        (_, item) = get_args(kind)
        values = {name: self._value(item, each, (*key, name)) for name, each in raw.items()}
        return _WRONG if any(value is _WRONG for value in values.values()) else values

    def _union(self, kind: Any, raw: object, key: Key) -> Any:
        members = [member for member in get_args(kind) if member is not NoneType]
        exact = next((member for member in members if type(raw) is member), members[0])
        return self._scalar(exact, raw, key)

    def _scalar(self, kind: Any, raw: object, key: Key) -> Any:
        if kind is Address:
            return self._address(raw, key)
        plain: Any = getattr(kind, "__supertype__", kind)
        if plain is float and type(raw) is int:
            return float(raw)
        if plain is Path and isinstance(raw, str) and raw:
            return Path(self._place).parent / raw
        if type(raw) is not plain or (isinstance(raw, float) and not math.isfinite(raw)):
            return self._refused(key, f"must be {_NAMES[plain]}", raw)
        if isinstance(raw, datetime) and raw.tzinfo is None:
            return self._refused(key, f"must be {_NAMES[datetime]}", raw)
        return raw

    def _address(self, raw: object, key: Key) -> Any:
        if not isinstance(raw, str):
            return self._refused(key, "must be a mail address in quotes", raw)
        if not _ADDRESS.fullmatch(raw.strip()):
            self.refuse(key, f'must be a mail address such as service@example.com, not "{raw}".')
            return _WRONG
        return Address(raw.strip().lower())

    def _refused(self, key: Key, sentence: str, raw: object) -> object:
        self.refuse(key, f"{sentence}, not {_described(raw)}.")
        return _WRONG


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a sentence: a full stop, and the known word that was probably meant."""
    folded = {word.casefold(): word for word in known}
    close = get_close_matches(name.casefold(), list(folded), n=1)
    return f". Did you mean {folded[close[0]]}?" if close else "."


def _default(item: Field[Any]) -> Any:
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default


def _described(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        return f'"{raw}"'
    if isinstance(raw, dict | list):
        return _NAMES[type(raw)]
    return str(raw)


def _shown(key: Key) -> str:
    """``mailbox[1].path``: positions are counted from 1, as people do."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in key)
    return "".join(parts).removeprefix(".")
