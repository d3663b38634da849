"""As much of CSS as it takes to tell whether a person can see a text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from appliance.mailbox.colour import Colour, alike, colour
from appliance.mailbox.length import pixels, ratio

_TINY: Final = 3.0
_FAINT: Final = 0.1
_AWAY: Final = -400.0

_LONGEST_RULE: Final = 4_000
_STOP: Final = re.compile(r"[{};]")
_SPLIT: Final = re.compile(r"[\s,/]+")
_WEIGHT: Final = re.compile(r"[1-9]00")
_CLIPPED: Final = frozenset({"rect(0,0,0,0)", "rect(0000)", "rect(1,1,1,1)"})
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
        return alike(self.colour, self.backdrop)


def declarations(text: str) -> dict[str, str]:
    """The declarations of a ``style`` attribute or of a rule's block, lower-case."""
    found: dict[str, str] = {}
    for declaration in text[:_LONGEST_RULE].split(";"):
        name, _, value = declaration.partition(":")
        if value:
            found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    return found


def rules(sheet: str) -> Iterator[tuple[str, dict[str, str]]]:
    """``(selector, declarations)`` of the rules that bear on being seen, without media queries."""
    plain = _without_media(_without_comments(sheet.replace("<!--", " ").replace("-->", " ")))
    for rule in plain.split("}"):
        selectors, _, block = rule.partition("{")
        if not _TELLING.search(block) or len(selectors) > _LONGEST_RULE:
            continue
        for selector in selectors.split(","):
            name = selector.strip()
            if name and not name.startswith("@") and ":" not in name:
                yield name, declarations(block)


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
        opacity=look.opacity * ratio(style.get("opacity")),
        colour=colour(style.get("color")) or look.colour,
        transparent=_transparent(look, style.get("color")),
        backdrop=_backdrop(look, style),
        verbatim=_verbatim(look, style.get("white-space")),
    )


def _without_comments(sheet: str) -> str:
    out: list[str] = []
    at = 0
    while (start := sheet.find("/*", at)) >= 0:
        out.append(sheet[at:start])
        end = sheet.find("*/", start + 2)
        at = len(sheet) if end < 0 else end + 2
    return "".join((*out, sheet[at:]))


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
    for match in _STOP.finditer(sheet, start):
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
        clip in _CLIPPED
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
        words = (word.partition("/")[0] for word in style["font"].split())
        lengths = (pixels(word, look.size) for word in words if not _WEIGHT.fullmatch(word))
        size = next((length for length in lengths if length is not None), None)
    return look.size if size is None else size


def _transparent(look: Look, text: str | None) -> bool:
    if text is None or text in ("inherit", "currentcolor"):
        return look.transparent
    if text == "transparent":
        return True
    alpha = _SPLIT.split(text.partition("(")[2].rstrip(") "))[3:]
    return text.startswith("rgba") and bool(alpha) and ratio(alpha[0]) < _FAINT


def _backdrop(look: Look, style: Declarations) -> Colour | None:
    said = style.get("background-color") or style.get("background") or ""
    painted = "background-image" in style and style["background-image"] != "none"
    if painted or "url(" in said or "gradient" in said:
        return None
    return colour(said) or look.backdrop


def _verbatim(look: Look, value: str | None) -> bool:
    return look.verbatim if value is None else value.startswith(("pre", "break-spaces"))
