"""Bytes to text where the label may lie: gb2312 that is GBK, Latin-1 that is UTF-8, none."""

import base64
import binascii
import codecs
import quopri
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

_GB_LABELS: Final = (
    "gb2312 gb_2312-80 gb2312-80 gb_2312 gbk x-gbk cp936 ms936 windows-936 euc-cn euccn gb18030 "
    "gb_18030 gb18030-2000 csgb2312 csgb231280 chinese iso-ir-58"
)
# As browsers do (WHATWG Encoding §4.2): the label means the larger Windows set.
_WESTERN_LABELS: Final = "iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1 windows-1252 cp1252"
_ASCII_LABELS: Final = (
    "us-ascii ascii ansi_x3.4-1968 7bit 8bit default unknown unknown-8bit x-unknown"
)
# Codecs that are no charset of a mail: transformations, or slow on hostile input.
_REFUSED_LABELS: Final = "idna punycode unicode-escape raw-unicode-escape undefined mbcs oem"
_GB: Final = frozenset(_GB_LABELS.split())
_WESTERN: Final = frozenset(_WESTERN_LABELS.split())
_ASCII: Final = frozenset(_ASCII_LABELS.split())
_REFUSED: Final = frozenset(_REFUSED_LABELS.split())
_LIKELY: Final = (
    "gb18030",
    "big5hkscs",
    "cp1252",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "cp1251",
    "koi8_r",
    "cp1250",
)
_SAMPLE: Final = 16_384
_TOLERATED: Final = 0.05
_HAN: Final = re.compile("[\u3400-\u9fff]")
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]")
# Surrogates that stand for no byte (PEP 383).
_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_WORD: Final = re.compile(r"=\?([\w.:+-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?\s]*)\?=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text, and whether its charset had to be guessed or some bytes could not be read."""

    text: str
    guessed: bool = False
    damaged: bool = False

    @property
    def oddities(self) -> tuple[str, ...]:
        """Names as in ``Message``."""
        names = (("charset_guessed", self.guessed), ("undecodable", self.damaged))
        return tuple(name for name, holds in names if holds)


def decode(raw: bytes, label: str | None) -> Decoded:
    """The text of ``raw``, which its sender calls ``label``; never raises.

    The order: the GB2312 family as GB18030, the label, strict UTF-8, a guess, the label with
    replacement characters. UTF-8 under another label wins where it cannot be chance.
    """
    name = _codec(label)
    if name == "utf-8":
        raw = raw.removeprefix(codecs.BOM_UTF8)
    utf8 = _strict(raw, "utf-8")
    if name not in (None, "utf-8") and utf8 is not None and _surely_utf8(utf8, name):
        return Decoded(text=utf8, guessed=True)
    text = None if name is None else _strict(raw, name)
    if text is not None:
        return Decoded(text=text)
    if utf8 is not None:
        return Decoded(text=utf8, guessed=label is not None and not utf8.isascii())
    if name is not None:
        replaced = raw.decode(name, "replace")
        if replaced.count("\ufffd") <= _TOLERATED * len(_NOT_ASCII.findall(replaced)):
            return Decoded(text=replaced, damaged=True)
    guess = _guess(raw)
    text = None if guess is None else _strict(raw, guess)
    if text is not None:
        return Decoded(text=text, guessed=True)
    return Decoded(text=raw.decode(name or "utf-8", "replace"), guessed=True, damaged=True)


def decode_header(value: str, fallback: str | None = None) -> str:
    """An unfolded header value as text: encoded words (RFC 2047) and raw 8-bit bytes; never raises.

    Args:
        value: as the standard parser gives it, raw bytes as surrogate escapes.
        fallback: the charset to try for raw bytes, as a rule that of the body.

    A character that a sender cut in two between neighbouring words is put together again.
    """
    out: list[str] = []
    end = 0
    pending, charset = b"", ""
    for match in _WORD.finditer(value):
        between = value[end : match.start()]
        name = match[1].lower()
        if pending and (between.strip() or name != charset):
            out.append(decode(pending, charset).text)
            pending = b""
        if between.strip() or not end:
            out.append(decode_raw(between, fallback))
        pending += _word_bytes(match[2], match[3])
        charset = name
        end = match.end()
    if pending:
        out.append(decode(pending, charset).text)
    out.append(decode_raw(value[end:], fallback))
    return "".join(out)


def decode_raw(value: str, fallback: str | None = None) -> str:
    """A header value without encoded words as text: only raw 8-bit bytes are decoded."""
    if value.isascii():
        return value
    return decode(_bytes(value), fallback).text


@cache
def _codec(label: str | None) -> str | None:
    """Python's codec for a label, or None where it says nothing or names no charset."""
    name = (label or "").strip().strip("'\"").lower()
    if not name or name in _ASCII:
        return None
    if name in _GB:
        return "gb18030"
    if name in _WESTERN:
        return "cp1252"
    try:
        found = codecs.lookup(name).name
        b"".decode(found)
    except (LookupError, ValueError, UnicodeError):
        return None
    return None if found.replace("_", "-") in _REFUSED else found


def _strict(raw: bytes, name: str) -> str | None:
    try:
        return raw.decode(name)
    except (UnicodeError, LookupError, ValueError):
        return None


def _surely_utf8(text: str, name: str) -> bool:
    foreign = len(_NOT_ASCII.findall(text))
    if not foreign:
        return False
    if name == "gb18030" or name.startswith("big5"):
        return len(_HAN.findall(text)) * 2 >= foreign
    return name.startswith(("cp125", "iso8859"))


def _guess(raw: bytes) -> str | None:
    # Deferred: most mails are labelled rightly and never need it.
    from charset_normalizer import from_bytes

    sample = raw[:_SAMPLE]
    if len(raw) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    best = from_bytes(sample, cp_isolation=list(_LIKELY)).best()
    return None if best is None else best.encoding


def _bytes(value: str) -> bytes:
    """The bytes that the standard parser read, of a value that may be decoded already."""
    return _NO_BYTE.sub("\ufffd", value).encode("utf-8", "surrogateescape")


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = _bytes(text)
    if encoding in "qQ":
        return quopri.decodestring(raw, header=True)
    cleaned = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    if len(cleaned) % 4 == 1:
        cleaned = cleaned[:-1]
    try:
        return base64.b64decode(cleaned + b"=" * (-len(cleaned) % 4))
    except (binascii.Error, ValueError):
        return b""
