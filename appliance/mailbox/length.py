"""Lengths and ratios as CSS writes them."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_WORDS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "xx-small": 9.0,
        "x-small": 10.0,
        "small": 13.0,
        "medium": 16.0,
        "large": 18.0,
        "x-large": 24.0,
        "xx-large": 32.0,
    }
)
_UNITS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "px": 1.0,
        "pt": 4 / 3,
        "pc": 16.0,
        "in": 96.0,
        "cm": 37.8,
        "mm": 3.78,
        "rem": 16.0,
        "vw": 10.0,
        "vh": 8.0,
        "": 1.0,
    }
)
_NUMBER: Final = re.compile(r"(-?\d{0,6}\.?\d{0,6})([a-z%]{0,4})")
_RELATIVE: Final = frozenset({"em", "ex", "ch"})


def pixels(text: str | None, base: float = 16.0) -> float | None:
    """A CSS length in pixels; ``em`` and ``%`` of ``base``; None where it is none."""
    value = (text or "").strip().lower()
    if value in _WORDS:
        return _WORDS[value]
    match = _NUMBER.fullmatch(value)
    if not match or not any(character.isdigit() for character in match[1]):
        return None
    number = float(match[1])
    if match[2] in _RELATIVE:
        return number * base
    if match[2] == "%":
        return number * base / 100
    return number * _UNITS[match[2]] if match[2] in _UNITS else None


def ratio(text: str | None) -> float:
    """An opacity between 0 and 1; 1 where it is none."""
    number = pixels(text, 1.0)
    return 1.0 if number is None else min(max(number, 0.0), 1.0)
