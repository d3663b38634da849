"""What tags, ids, classes and attributes say: layout, quotes and signatures of mail programs."""

import re
from collections.abc import Mapping
from typing import Final

from appliance.mailbox.colour import colour
from appliance.mailbox.quotes import Kind
from appliance.mailbox.style import Declarations

MAX_HTML: Final = 1_000_000
MAX_DEPTH: Final = 400
MAX_COST: Final = 120_000

_UNSEEN: Final = (
    "head title style script template noframes object iframe svg math select textarea datalist "
    "audio video canvas"
)
_BLOCK: Final = (
    "address article aside blockquote body center dd details dir div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup html includetail li main menu nav ol p "
    "pre section summary table tbody tfoot thead tr ul"
)
_SPACED: Final = "p h1 h2 h3 h4 h5 h6 ul ol dl pre blockquote"
_CLOSED_BY_ITSELF: Final = (
    "area base br col embed hr img input link meta param source track wbr p li td th tr dd dt "
    "option thead tbody tfoot colgroup o:p html head body"
)
_FORMATTING: Final = "a b big code em font i nobr s small strike strong tt u"
UNSEEN: Final = frozenset(_UNSEEN.split())
BLOCK: Final = frozenset(_BLOCK.split())
SPACED: Final = frozenset(_SPACED.split())
_UNNESTED: Final = frozenset(_CLOSED_BY_ITSELF.split())
_REOPENED: Final = frozenset(_FORMATTING.split())

_QUOTE_NAMES: Final = (
    "gmail_attr moz-cite-prefix yahoo_quoted protonmail_quote zmail_extra isreplycontent "
    "outlookmessageheader olk_src_body_section mailcontainerquote ntes-mailmaster-quote "
    "tutanota_quote freebirdmailquote"
)
_REST_NAMES: Final = (
    "divrplyfwdmsg appendonsend mail-editor-reference-message-container replyforwardheader "
    "reply-separator ms-outlook-ios-reference-expand"
)
_SIGNATURE_NAMES: Final = (
    "signature gmail_signature gmail_signature_prefix moz-signature ms-outlook-mobile-signature "
    "protonmail_signature_block mailsignature email-signature mail-signature signature_block "
    "spneditorsign ntes-signature mobilesignature"
)
_QUOTES: Final = frozenset(_QUOTE_NAMES.split())
_RESTS: Final = frozenset(_REST_NAMES.split())
_SIGNATURES: Final = frozenset(_SIGNATURE_NAMES.split())
_APPLE_SIGNATURE: Final = "linebreakatbeginningofsignature"

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_NUMBERED: Final = re.compile(r"[_-]?\d{1,20}$")
_OUTLOOK_GREY: Final = re.compile(r"e1e1e1|b5c4df|rgb\(225, ?225, ?225\)|rgb\(181, ?196, ?223\)")

Attributes = Mapping[str, str]
"""Names lower-case; what has no value has an empty one."""


def bounded(source: str) -> str:
    """The longest beginning whose parsing takes linear time and memory.

    Parsing is quadratic in nesting, and formatting left open is opened again in every paragraph
    that follows: both are counted from the tags alone.
    """
    text = source[:MAX_HTML]
    depth = formatting = cost = 0
    for match in _TAG.finditer(text):
        name = match[2].lower()
        step = -1 if match[1] else 1
        if name in _REOPENED:
            formatting = max(formatting + step, 0)
        elif name not in _UNNESTED:
            depth = max(depth + step, 0)
        cost += 1 + formatting
        if depth > MAX_DEPTH or formatting > MAX_DEPTH or cost > MAX_COST:
            return text[: match.start()]
    return text


def presentation(attributes: Attributes) -> dict[str, str]:
    """What the attributes of old say, as declarations (HTML Living Standard §15)."""
    style: dict[str, str] = {}
    if colour(attributes.get("bgcolor")):
        style["background-color"] = attributes["bgcolor"].lower()
    if attributes.get("background"):
        style["background-image"] = "url()"
    for name in ("color", "text"):
        if colour(attributes.get(name)):
            style["color"] = attributes[name].lower()
    return style


def rest_kind(tag: str, attributes: Attributes, style: Declarations) -> Kind:
    """What everything from this element to the end of the page is."""
    names = _names(attributes)
    outlook = tag == "div" and _OUTLOOK_GREY.search(style.get("border-top", ""))
    if outlook or names & _RESTS:
        return Kind.QUOTED
    return Kind.SIGNATURE if _APPLE_SIGNATURE in names else Kind.OWN


def inner_kind(tag: str, attributes: Attributes, style: Declarations) -> Kind:
    """What the text inside this element is, as far as the element itself says."""
    names = _names(attributes)
    if tag == "includetail" or names & _QUOTES or attributes.get("name") == "quote":
        return Kind.QUOTED
    if tag == "blockquote" and not _indents(attributes, style):
        return Kind.QUOTED
    if tag == "sign" or names & _SIGNATURES:
        return Kind.SIGNATURE
    return Kind.OWN


def tight(attributes: Attributes, style: Declarations) -> bool:
    """Whether a paragraph has no space around it: Word's, and those that say so."""
    return "MsoNormal" in attributes.get("class", "") or style.get("margin", "").startswith("0")


def _names(attributes: Attributes) -> frozenset[str]:
    """The id and the classes as their mail program wrote them, before others prefixed them."""
    words = f"{attributes.get('id', '')} {attributes.get('class', '')}"[:400].lower().split()
    return frozenset(_NUMBERED.sub("", word).removeprefix("x_") for word in words)


def _indents(attributes: Attributes, style: Declarations) -> bool:
    """Whether a blockquote only moves the writer's own text to the right."""
    if attributes.get("type") or attributes.get("class") or attributes.get("cite"):
        return False
    return style.get("border", "").startswith(("none", "0")) and "border-left" not in style
