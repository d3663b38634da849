"""HTML to lines of text: what a person sees, what was hidden, what is marked as a quote."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from appliance.mailbox.clean import MAX_LINES
from appliance.mailbox.markup import (
    BLOCK,
    SPACED,
    UNSEEN,
    bounded,
    inner_kind,
    presentation,
    rest_kind,
    tight,
)
from appliance.mailbox.quotes import Kind, Line
from appliance.mailbox.style import Look, declarations, inherit, removes, rules

MAX_SHEET: Final = 32_768
MAX_RULES: Final = 200
MAX_MATCHES: Final = 5_000
MAX_HIDDEN: Final = 50

_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_PAPER: Final = Look()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A rendered document; ``hidden`` has one item a place, as yet uncleaned like the lines."""

    lines: tuple[Line, ...]
    hidden: tuple[str, ...]
    truncated: bool


@dataclass(slots=True)
class _Pen:
    """Where the text goes while the tree is walked; ``rest`` is the least kind of what follows."""

    lines: list[Line] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    kind: Kind = Kind.OWN
    rest: Kind = Kind.OWN
    hidden: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)

    def write(self, text: str, kind: Kind) -> None:
        if text and not self.words:
            text = text.lstrip(" ")
            self.kind = max(kind, self.rest)
        elif self.words and self.words[-1].endswith(" "):
            text = text.lstrip(" ")
        if text:
            self.words.append(text)

    def end_line(self) -> None:
        for text in "".join(self.words).split("\n") if self.words else ():
            self.lines.append(Line(text=text.rstrip(), kind=self.kind))
        self.words.clear()

    def line(self, text: str, kind: Kind) -> None:
        self.end_line()
        self.lines.append(Line(text=text, kind=max(kind, self.rest)))

    def gap(self, kind: Kind) -> None:
        self.end_line()
        if self.lines and self.lines[-1].text:
            self.line("", kind)

    def end_secret(self) -> None:
        if self.secret and len(self.hidden) < MAX_HIDDEN:
            self.hidden.append(" ".join(self.secret))
        self.secret.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What holds at one element of the walk."""

    tag: str = ""
    look: Look = _PAPER
    kind: Kind = Kind.OWN
    gone: bool = False
    spaced: bool = False


def render(source: str) -> Page:
    """The lines of an HTML document; never raises and takes time linear in its clamped length.

    What lies beyond the bounds of ``markup.bounded`` or ``MAX_LINES`` is not read (``truncated``).
    """
    shortened = bounded(source)
    try:
        tree = LexborHTMLParser(shortened)
    except (SelectolaxError, ValueError, UnicodeError):
        return Page(lines=(), hidden=(), truncated=True)
    pen = _Pen()
    if tree.root is not None:
        _walk(tree.root, _sheet(tree), pen)
    pen.end_line()
    pen.end_secret()
    cut = len(shortened) < len(source) or len(pen.lines) > MAX_LINES
    return Page(
        lines=tuple(pen.lines),
        hidden=tuple(pen.hidden),
        truncated=cut,
    )


def _sheet(tree: LexborHTMLParser) -> dict[int, dict[str, str]]:
    """The declarations that style sheets give to elements, by node."""
    found: dict[int, dict[str, str]] = {}
    every = (
        rule for node in tree.css("style")[:4] for rule in rules((node.text() or "")[:MAX_SHEET])
    )
    matches = 0
    for count, (selector, style) in enumerate(every):
        if count >= MAX_RULES or matches >= MAX_MATCHES:
            break
        try:
            nodes = tree.css(selector)
        except (SelectolaxError, ValueError, UnicodeError):
            continue
        for node in nodes[: MAX_MATCHES - matches]:
            found.setdefault(node.mem_id, {}).update(style)
        matches += len(nodes)
    return found


def _walk(root: LexborNode, sheet: dict[int, dict[str, str]], pen: _Pen) -> None:
    """Visits every node in order, entering and leaving, without recursion."""
    stack: list[tuple[LexborNode, _Place, bool]] = [(root, _Place(), False)]
    while stack and len(pen.lines) <= MAX_LINES:
        node, place, leaving = stack.pop()
        if leaving:
            _leave(place, pen)
        elif node.tag == "-text":
            _text(node, place, pen)
        elif node.is_element_node and node.tag not in UNSEEN:
            place = _inside(node, place, sheet.get(node.mem_id, {}), pen)
            _enter(node, place, pen)
            stack.append((node, place, True))
            stack.extend((child, place, False) for child in reversed(list(_children(node))))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _inside(node: LexborNode, outer: _Place, sheet: dict[str, str], pen: _Pen) -> _Place:
    """What holds inside ``node``; may turn the rest of the page into a quote or a signature."""
    tag = str(node.tag)
    attributes = {name.lower(): value or "" for name, value in node.attributes.items()}
    style = presentation(attributes) | sheet | declarations(attributes.get("style", ""))
    if tag == "pre":
        style.setdefault("white-space", "pre")
    rest = rest_kind(tag, attributes, style)
    if rest > pen.rest:
        pen.end_line()
        pen.rest = rest
    return _Place(
        tag=tag,
        look=inherit(outer.look, style),
        kind=max(outer.kind, pen.rest, inner_kind(tag, attributes, style)),
        gone=outer.gone or "hidden" in attributes or removes(style),
        spaced=tag in SPACED and not tight(attributes, style),
    )


def _enter(node: LexborNode, place: _Place, pen: _Pen) -> None:
    tag = place.tag
    if place.gone:
        return
    if tag in ("td", "th") and pen.words:
        pen.write("  ", place.kind)
    elif tag == "hr" or (tag == "br" and not pen.words):
        pen.line(_rule(node) if tag == "hr" else "", place.kind)
    elif place.spaced:
        pen.gap(place.kind)
    elif tag in BLOCK or tag == "br":
        pen.end_line()
    if tag == "li":
        pen.write(_bullet(node, pen), place.kind)


def _leave(place: _Place, pen: _Pen) -> None:
    if place.gone:
        pen.end_secret()
    elif place.spaced:
        pen.gap(place.kind)
    elif place.tag in BLOCK:
        pen.end_line()


def _text(node: LexborNode, place: _Place, pen: _Pen) -> None:
    text = node.text_content or ""
    if not place.look.verbatim:
        text = _SPACE.sub(" ", text)
    if place.gone or place.look.hides:
        if text.strip():
            pen.secret.append(text.strip())
        return
    if text.strip():
        pen.end_secret()
    pen.write(text, place.kind)


def _rule(node: LexborNode) -> str:
    """A ruled line; Foxmail's own stands above its signature and is written as its delimiter."""
    foxmail = (node.attributes.get("color") or "").lower() == "#b5c4df"
    return "-- " if foxmail else "_" * 16


def _bullet(node: LexborNode, pen: _Pen) -> str:
    parent = node.parent
    if parent is None or parent.tag != "ol":
        return "- "
    count = pen.counts.get(parent.mem_id, 0) + 1
    pen.counts[parent.mem_id] = count
    return f"{count}. "
