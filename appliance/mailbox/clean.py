"""Makes any text safe to show, to match patterns on and to put into a prompt."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 1_000
MAX_LINES: Final = 2_000
MAX_TEXT: Final = 200_000
MAX_HEADER: Final = 10_000

_NEWLINES: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# CSI and OSC sequences (ECMA-48 §5.4) with a bounded body, else a lone ESC.
_ESCAPE: Final = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)|\x1b|\x9b"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_BIDI: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]")
_INVISIBLE: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2064\u3164\ufeff\uffa0"
    "\U000e0000-\U000e007f"
)
_ZERO_WIDTH: Final = re.compile(f"[{_INVISIBLE}]")
# Inside a word they serve to hide it from a filter; a joiner between pictographs, a soft hyphen, a
# byte order mark at the start and the padding of a newsletter's preview line serve typography.
_SUSPICIOUS: Final = re.compile(
    "\\w[\u034f\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u3164\ufeff\uffa0]{1,9}\\w"
    "|[\U000e0000-\U000e007f]"
)
_SPACES: Final = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_BLANKS: Final = re.compile(r"([ \t\u3000])[ \t\u3000]{2,}")
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t\u3000]*\n){2,}")
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0e31-\u0e4e\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\u302a-\u302f\u3099\u309a\ufe20-\ufe2f"
)
# Canonical ordering (UAX #15) is quadratic in a run of marks.
_MARK_RUN: Final = re.compile(f"([{_MARKS}]{{4}})[{_MARKS}]+")
_TEMPLATE_TOKEN: Final = re.compile(
    r"<\|[a-z0-9_ /\u2581-]{1,40}\|>|<<?/?sys>>?|\[/?inst\]|</?s>|<(?:bos|eos|pad|unk)>"
    r"|</?think>|</?tool_(?:call|response)>|<(?:start|end)_of_turn>|\[/?(?:system_prompt|available_tools)\]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Text that is safe to handle, and what was noticed on the way (names as in ``Message``)."""

    text: str
    oddities: tuple[str, ...] = ()


def clean(text: str) -> Cleaned:
    """The text as ``Message`` promises it: clamped first, then without anything invisible.

    Runs of blanks shrink to two and runs of blank lines to one. A line longer than ``MAX_LINE`` is
    broken, not cut, so that no words are lost; lines beyond ``MAX_LINES`` and characters beyond
    ``MAX_TEXT`` are (``truncated``).

    Oddities: ``bidi``, ``control``, ``template_token``, ``truncated``, ``zero_width``.
    """
    odd = {"truncated"} if len(text) > MAX_TEXT else set()
    text = _NEWLINES.sub("\n", text[:MAX_TEXT])
    without = _CONTROL.sub("", _ESCAPE.sub("", text))
    if len(without) != len(text):
        odd.add("control")
    text = _SURROGATE.sub("\ufffd", without)
    if _BIDI.search(text):
        odd.add("bidi")
        text = _BIDI.sub("", text)
    if _SUSPICIOUS.search(text):
        odd.add("zero_width")
    text = _SPACES.sub(" ", _ZERO_WIDTH.sub("", text))
    text = _MARK_RUN.sub(r"\1", text)
    text = _BLANKS.sub(r"\1\1", text)
    text = unicodedata.normalize("NFC", _BLANK_LINES.sub("\n\n", text))
    lines = list(_broken(text))
    if len(lines) > MAX_LINES:
        odd.add("truncated")
    text = "\n".join(lines[:MAX_LINES]).strip("\n")
    if names_template_token(text):
        odd.add("template_token")
    return Cleaned(text=text, oddities=tuple(sorted(odd)))


def one_line(text: str, limit: int = MAX_HEADER) -> str:
    """The text on a single line of at most ``limit`` characters, safe for a header or a name."""
    text = text[:limit]
    if len(text) <= MAX_LINE and text.isascii() and text.isprintable():
        # Nearly every header: nothing in it for ``clean`` to find.
        return " ".join(text.split())
    return " ".join(clean(text).text.split())


def names_template_token(text: str) -> bool:
    """Whether the text forges a token of a chat template (ChatML, Llama, Mistral, Gemma …)."""
    if not any(mark in text for mark in "<[＜［﹤"):
        return False
    folded = unicodedata.normalize("NFKC", text).replace("｜", "|")
    return _TEMPLATE_TOKEN.search(folded) is not None


def _broken(text: str) -> Iterator[str]:
    """The lines, those beyond ``MAX_LINE`` broken at a blank where there is one."""
    for line in text.split("\n"):
        # The one line whose trailing blank means something (RFC 3676 §4.3).
        rest = line if line == "-- " else line.rstrip()
        while len(rest) > MAX_LINE:
            at = rest.rfind(" ", MAX_LINE // 2, MAX_LINE)
            cut = MAX_LINE if at < 0 else at
            yield rest[:cut]
            rest = rest[cut:].lstrip()
        yield rest
