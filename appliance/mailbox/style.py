"""As much of CSS as it takes to tell whether a person can see a text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

_SAME: Final = 18
_TINY: Final = 3.0
_FAINT: Final = 0.1
_AWAY: Final = -400.0

_NAMED: Final[Mapping[str, Colour]] = {
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
_LENGTHS: Final[Mapping[str, float]] = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
}
_UNITS: Final[Mapping[str, float]] = {
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
_NUMBER: Final = re.compile(r"(-?\d{0,6}\.?\d{0,6})([a-z%]{0,4})")
_HEX: Final = re.compile(r"#?([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![0-9a-z])")
_FUNCTION: Final = re.compile(r"rgba?\(([^()]{1,60})\)")
_WORDS: Final = re.compile(r"[a-z]{3,20}")
_COMMENT: Final = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/|<!--|-->")
_RULE: Final = re.compile(r"([^{}]{1,400})\{([^{}]{1,2000})\}")
_TELLING: Final = re.compile(
    r"display|visib|font|opacity|color|background|height|width|left|top|indent|hide|clip|transform"
)

Declarations = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What an element hands down to the text inside; ``backdrop`` None means a picture."""

    colour: Colour = (0, 0, 0)
    backdrop: Colour | None = (255, 255, 255)
    size: float = 16.0
    opacity: float = 1.0
    visible: bool = True
    transparent: bool = False
    verbatim: bool = False

    @property
    def hides(self) -> bool:
        """Whether a person cannot see text with this look."""
        if not self.visible or self.transparent or self.size < _TINY or self.opacity < _FAINT:
            return True
        if self.backdrop is None:
            return False
        return all(abs(a - b) <= _SAME for a, b in zip(self.colour, self.backdrop, strict=True))


def declarations(text: str) -> dict[str, str]:
    """The declarations of a ``style`` attribute or of a rule's block, names and values lower-case."""
    found: dict[str, str] = {}
    for declaration in text[:4_000].split(";"):
        name, _, value = declaration.partition(":")
        if value:
            found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    return found


def rules(sheet: str) -> Iterator[tuple[str, dict[str, str]]]:
    """``(selector, declarations)`` of a style sheet that bear on being seen, media queries left out."""
    for match in _RULE.finditer(_without_media(_COMMENT.sub(" ", sheet))):
        if not _TELLING.search(match[2]):
            continue
        for selector in match[1].split(","):
            name = selector.strip()
            if name and not name.startswith("@") and ":" not in name:
                yield name, declarations(match[2])


def removes(style: Declarations) -> bool:
    """Whether an element with this style takes everything inside away from the page."""
    if style.get("display") == "none" or style.get("mso-hide") == "all":
        return True
    if _zero(style.get("max-height")) or _zero(style.get("max-width")):
        return True
    if "hidden" in style.get("overflow", "") and (
        _zero(style.get("height")) or _zero(style.get("width"))
    ):
        return True
    return _moved_away(style)


def inherit(look: Look, style: Declarations) -> Look:
    """The look inside an element with this style, its parent having ``look``."""
    if not style:
        return look
    return replace(
        look,
        visible=_visible(look, style.get("visibility")),
        size=_size(look, style),
        opacity=look.opacity * _ratio(style.get("opacity")),
        colour=colour(style.get("color")) or look.colour,
        transparent=_transparent(look, style.get("color")),
        backdrop=_backdrop(look, style),
        verbatim=_verbatim(look, style.get("white-space")),
    )


def colour(text: str | None) -> Colour | None:
    """The first colour that ``text`` names, or None."""
    if not text:
        return None
    function = _FUNCTION.search(text)
    if function:
        return _from_function(function[1])
    if text.startswith("#") or " #" in text or _HEX.fullmatch(text):
        match = _HEX.search(text[text.find("#") :] if "#" in text else text)
        if match:
            digits = match[1] if len(match[1]) >= 6 else "".join(c * 2 for c in match[1][:3])
            return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16))
    return next((_NAMED[word] for word in _WORDS.findall(text) if word in _NAMED), None)


def pixels(text: str | None, base: float = 16.0) -> float | None:
    """A CSS length in pixels; ``em`` and ``%`` of ``base``; None where it is none."""
    value = (text or "").strip()
    if value in _LENGTHS:
        return _LENGTHS[value]
    match = _NUMBER.fullmatch(value)
    if not match or match[1] in ("", "-", ".", "-."):
        return None
    number = float(match[1])
    if match[2] in ("em", "ex", "ch"):
        return number * base
    if match[2] == "%":
        return number * base / 100
    return number * _UNITS[match[2]] if match[2] in _UNITS else None


def _without_media(sheet: str) -> str:
    """The sheet without ``@media`` blocks and their kind: they speak of other screens."""
    out: list[str] = []
    at = 0
    while (start := sheet.find("@", at)) >= 0:
        out.append(sheet[at:start])
        at = _end_of_block(sheet, start)
    return "".join((*out, sheet[at:]))


def _end_of_block(sheet: str, start: int) -> int:
    depth = 0
    for match in re.compile(r"[{};]").finditer(sheet, start):
        depth += {"{": 1, "}": -1, ";": 0}[match[0]]
        if depth <= 0:
            return match.end()
    return len(sheet)


def _zero(text: str | None) -> bool:
    length = pixels(text)
    return length is not None and length < 1


def _moved_away(style: Declarations) -> bool:
    names = ["text-indent", "margin-left", "margin-top"]
    if style.get("position") in ("absolute", "fixed", "relative"):
        names += ["left", "top", "right", "bottom"]
    if any((pixels(style.get(name)) or 0) <= _AWAY for name in names):
        return True
    clip = style.get("clip", "").replace(" ", "").replace("px", "")
    return (
        clip in ("rect(0,0,0,0)", "rect(0000)", "rect(1,1,1,1)")
        or style.get("clip-path", "").startswith(("inset(100%", "inset(50%", "circle(0"))
        or style.get("transform", "").replace(" ", "").startswith(("scale(0)", "scale(0,"))
    )


def _visible(look: Look, value: str | None) -> bool:
    if value in ("hidden", "collapse"):
        return False
    return True if value == "visible" else look.visible


def _size(look: Look, style: Declarations) -> float:
    size = pixels(style.get("font-size"), look.size)
    if size is None and "font" in style:
        lengths = (pixels(word.partition("/")[0], look.size) for word in style["font"].split())
        size = next((length for length in lengths if length is not None and length < 100), None)
    return look.size if size is None else size


def _ratio(text: str | None) -> float:
    if text is None:
        return 1.0
    number = pixels(text, 1.0)
    return 1.0 if number is None else min(max(number, 0.0), 1.0)


def _transparent(look: Look, text: str | None) -> bool:
    if text is None or text in ("inherit", "currentcolor"):
        return look.transparent
    if text == "transparent":
        return True
    parts = re.split(r"[\s,/]+", text.partition("(")[2].rstrip(") "))
    return text.startswith("rgba") and len(parts) == 4 and _ratio(parts[3]) < _FAINT


def _backdrop(look: Look, style: Declarations) -> Colour | None:
    said = style.get("background-color") or style.get("background") or ""
    painted = "background-image" in style and style["background-image"] != "none"
    if painted or "url(" in said or "gradient" in said:
        return None
    return colour(said) or look.backdrop


def _verbatim(look: Look, value: str | None) -> bool:
    return look.verbatim if value is None else value.startswith(("pre", "break-spaces"))


def _from_function(inside: str) -> Colour | None:
    numbers = [pixels(part, 255.0) for part in re.split(r"[\s,/]+", inside.strip())[:3]]
    if len(numbers) != 3:
        return None
    red, green, blue = (min(max(round(number or 0), 0), 255) for number in numbers)
    return (red, green, blue)
