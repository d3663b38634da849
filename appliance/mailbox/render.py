"""HTML to lines of text: what a person sees, what was hidden, and what its structure says of quotes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from appliance.mailbox.clean import MAX_LINES
from appliance.mailbox.quotes import Kind, Line
from appliance.mailbox.style import Look, colour, declarations, inherit, removes, rules

MAX_HTML: Final = 1_000_000
MAX_DEPTH: Final = 400
MAX_NODES: Final = 60_000
MAX_RULES: Final = 200
MAX_MATCHES: Final = 5_000
MAX_HIDDEN: Final = 50

_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_NUMBERED: Final = re.compile(r"[_-]?\d{1,20}$")
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_UNSEEN: Final = frozenset(
    "head title style script template noframes object iframe svg math select textarea datalist "
    "audio video canvas".split()
)
_BLOCK: Final = frozenset(
    "address article aside blockquote body center dd details dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html includetail li main menu nav ol p "
    "pre section summary table tbody tfoot thead tr ul".split()
)
_SPACED: Final = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl pre blockquote".split())
_CLOSED_BY_ITSELF: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr p li td th tr dd dt "
    "option thead tbody tfoot colgroup o:p html head body".split()
)
_FORMATTING: Final = frozenset("a b big code em font i nobr s small strike strong tt u".split())

_QUOTE_NAMES: Final = frozenset(
    "gmail_attr moz-cite-prefix yahoo_quoted protonmail_quote zmail_extra isreplycontent "
    "outlookmessageheader olk_src_body_section mailcontainerquote ntes-mailmaster-quote "
    "tutanota_quote x_gmail_attr reply-header wordquote freebirdmailquote".split()
)
_REST_NAMES: Final = frozenset(
    "divrplyfwdmsg appendonsend mail-editor-reference-message-container replyforwardheader "
    "stopspelling divtagdefaultwrapperquote reply-separator ms-outlook-ios-reference-expand".split()
)
_SIGNATURE_NAMES: Final = frozenset(
    "signature gmail_signature moz-signature ms-outlook-mobile-signature gmail_signature_prefix "
    "protonmail_signature_block mailsignature email-signature spneditorsign ntes-signature "
    "mobilesignature linebreakatbeginningofsignature mail-signature signature_block".split()
)
_OUTLOOK_RULE: Final = re.compile(r"solid\s+#?(?:e1e1e1|b5c4df)|#?(?:e1e1e1|b5c4df)[^;]{0,20}solid")


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

    look: Look = Look()
    kind: Kind = Kind.OWN
    gone: bool = False


def render(source: str) -> Page:
    """The lines of an HTML document; never raises and takes time linear in its clamped length.

    Beyond ``MAX_HTML`` characters, ``MAX_DEPTH`` open elements or about ``MAX_NODES`` elements the
    rest is not read (``truncated``): parsing deeper trees takes quadratic time.
    """
    shortened = _bounded(source)
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


def _bounded(source: str) -> str:
    """The longest beginning that cannot blow up the parser (nesting, reopened formatting)."""
    text = source[:MAX_HTML]
    depth = formatting = cost = 0
    for match in _TAG.finditer(text):
        name = match[2].lower()
        step = -1 if match[1] else 1
        if name in _FORMATTING:
            formatting = max(formatting + step, 0)
        elif name not in _CLOSED_BY_ITSELF:
            depth = max(depth + step, 0)
        cost += 1 + formatting
        if depth > MAX_DEPTH or formatting > MAX_DEPTH or cost > 2 * MAX_NODES:
            return text[: match.start()]
    return text


def _sheet(tree: LexborHTMLParser) -> dict[int, dict[str, str]]:
    """The declarations that style sheets give to elements, by node."""
    found: dict[int, dict[str, str]] = {}
    every = (
        rule for node in tree.css("style")[:20] for rule in rules((node.text() or "")[:100_000])
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
            _leave(node, place, pen)
        elif node.tag == "-text":
            _text(node, place, pen)
        elif node.is_element_node and node.tag not in _UNSEEN:
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
    attributes = {name.lower(): value or "" for name, value in node.attributes.items()}
    style = _presentation(attributes) | sheet | declarations(attributes.get("style", ""))
    names = _names(attributes)
    if names & _REST_NAMES or (node.tag == "div" and _outlook_rule(style)):
        pen.end_line()
        pen.rest = Kind.QUOTED
    elif "linebreakatbeginningofsignature" in names:
        pen.rest = max(pen.rest, Kind.SIGNATURE)
    kind = max(outer.kind, pen.rest, _kind(str(node.tag), attributes, style, names))
    gone = outer.gone or "hidden" in attributes or removes(style)
    look = inherit(outer.look, style)
    if node.tag == "pre":
        look = inherit(look, {"white-space": "pre"})
    return _Place(look=look, kind=kind, gone=gone)


def _presentation(attributes: dict[str, str]) -> dict[str, str]:
    """What the attributes of old say, as declarations (HTML Living Standard §15)."""
    style: dict[str, str] = {}
    if colour(attributes.get("bgcolor", "").lower()):
        style["background-color"] = attributes["bgcolor"].lower()
    if attributes.get("background"):
        style["background-image"] = "url()"
    for name in ("color", "text"):
        if colour(attributes.get(name, "").lower()):
            style["color"] = attributes[name].lower()
    return style


def _names(attributes: dict[str, str]) -> frozenset[str]:
    """The id and the classes as their mail program wrote them, before others prefixed them."""
    words = f"{attributes.get('id', '')} {attributes.get('class', '')}"[:400].lower().split()
    return frozenset(_NUMBERED.sub("", word).removeprefix("x_") for word in words)


def _outlook_rule(style: dict[str, str]) -> bool:
    return _OUTLOOK_RULE.search(style.get("border-top", "")) is not None


def _kind(
    tag: str, attributes: dict[str, str], style: dict[str, str], names: frozenset[str]
) -> Kind:
    if tag == "includetail" or names & _QUOTE_NAMES or attributes.get("name") == "quote":
        return Kind.QUOTED
    if tag == "blockquote" and not _indents(attributes, style):
        return Kind.QUOTED
    if tag == "sign" or names & _SIGNATURE_NAMES or "data-smartmail" in attributes:
        return Kind.SIGNATURE
    return Kind.OWN


def _indents(attributes: dict[str, str], style: dict[str, str]) -> bool:
    """Whether a blockquote only moves the writer's own text to the right."""
    if attributes.get("type") == "cite" or attributes.get("class") or attributes.get("cite"):
        return False
    return (
        style.get("border", "") in ("none", "0", "0px", "none 0px") and "border-left" not in style
    )


def _enter(node: LexborNode, place: _Place, pen: _Pen) -> None:
    tag = str(node.tag)
    if place.gone or tag not in _BLOCK | {"br", "td", "th"}:
        return
    if tag in ("td", "th"):
        if pen.words:
            pen.write("  ", place.kind)
    elif tag == "br":
        pen.end_line() if pen.words else pen.line("", place.kind)
    elif tag == "hr":
        pen.line(_rule(node), place.kind)
    elif tag in _SPACED and not _tight(node):
        pen.gap(place.kind)
    else:
        pen.end_line()
    if tag == "li":
        pen.write(_bullet(node, pen), place.kind)


def _leave(node: LexborNode, place: _Place, pen: _Pen) -> None:
    if place.gone:
        pen.end_secret()
    elif node.tag in _SPACED and not _tight(node):
        pen.gap(place.kind)
    elif node.tag in _BLOCK:
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


def _tight(node: LexborNode) -> bool:
    """Whether a paragraph has no space around it: Word's, and those that say so."""
    attributes = node.attributes
    style = declarations(attributes.get("style") or "")
    return "MsoNormal" in (attributes.get("class") or "") or style.get("margin", "").startswith("0")


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
