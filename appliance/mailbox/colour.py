"""Colours as CSS and the attributes of old HTML write them."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from appliance.mailbox.length import pixels

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

_ALIKE: Final = 18
_CHANNELS: Final = 3
_LONG_HEX: Final = 6
_NAMED: Final[Mapping[str, Colour]] = MappingProxyType(
    {
        "white": (255, 255, 255),
        "snow": (255, 250, 250),
        "ghostwhite": (248, 248, 255),
        "whitesmoke": (245, 245, 245),
        "ivory": (255, 255, 240),
        "floralwhite": (255, 250, 240),
        "azure": (240, 255, 255),
        "mintcream": (245, 255, 250),
        "seashell": (255, 245, 238),
        "aliceblue": (240, 248, 255),
        "black": (0, 0, 0),
        "red": (255, 0, 0),
        "green": (0, 128, 0),
        "blue": (0, 0, 255),
        "yellow": (255, 255, 0),
        "navy": (0, 0, 128),
        "gray": (128, 128, 128),
        "grey": (128, 128, 128),
        "silver": (192, 192, 192),
        "lightgray": (211, 211, 211),
        "lightgrey": (211, 211, 211),
    }
)
_HEX: Final = re.compile(r"#?([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![0-9a-z])")
_FUNCTION: Final = re.compile(r"rgba?\(([^()]{1,60})\)")
_WORDS: Final = re.compile(r"[a-z]{3,20}")


def colour(text: str | None) -> Colour | None:
    """The first colour that ``text`` names, or None."""
    value = (text or "").strip().lower()
    function = _FUNCTION.search(value)
    if function:
        return _from_function(function[1])
    mark = value.find("#")
    match = _HEX.match(value, max(mark, 0)) if mark >= 0 or _HEX.fullmatch(value) else None
    if match:
        short = len(match[1]) < _LONG_HEX
        digits = "".join(digit * 2 for digit in match[1][:_CHANNELS]) if short else match[1]
        return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16))
    return next((_NAMED[word] for word in _WORDS.findall(value) if word in _NAMED), None)


def alike(one: Colour, other: Colour) -> bool:
    """Whether a person cannot tell text in one colour on the other."""
    return all(abs(a - b) <= _ALIKE for a, b in zip(one, other, strict=True))


def _from_function(inside: str) -> Colour | None:
    numbers = [pixels(part, 255.0) for part in re.split(r"[\s,/]+", inside.strip())[:_CHANNELS]]
    if len(numbers) != _CHANNELS:
        return None
    red, green, blue = (min(max(round(number or 0), 0), 255) for number in numbers)
    return (red, green, blue)
