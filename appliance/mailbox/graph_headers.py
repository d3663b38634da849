"""The headers a mail came with, put back where the server's own rendering of it leaves them out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from email.header import Header
from typing import Any, Final

_LONGEST: Final = 50_000
_LINE: Final = 900
_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_FIELD: Final = re.compile(rb"^([!-9;-~]{1,76})[ \t]*:", re.MULTILINE)
_BEGINNING: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]{0,75}[ \t]*:")
_BLANKS: Final = re.compile(r"[\x00-\x20\x7f]+")
_END: Final = re.compile(rb"\r?\n\r?\n")
_SHAPE: Final = ("content-", "mime-version")
"""Headers that tell how the rest is to be read: those of the rendering, and no others."""


def with_headers(raw: bytes, headers: Iterable[Mapping[str, Any]]) -> bytes:
    """A mail whose missing headers are added on top, in the order in which it came with them.

    Args:
        raw: RFC 5322 bytes as the server renders them.
        headers: ``internetMessageHeaders`` of Graph: objects with ``name`` and ``value``.
    """
    block = raw[: end.start()] if (end := _END.search(raw)) else raw
    there: dict[str, int] = {}
    for name in _FIELD.findall(block):
        key = name.decode("ascii").lower()
        there[key] = there.get(key, 0) + 1
    told = list(_fields(headers))
    counts: dict[str, int] = {}
    for name, _ in told:
        counts[name.lower()] = counts.get(name.lower(), 0) + 1
    # Where some are left out, nobody knows which: all of them come, and the first one counts.
    missing = [
        line
        for name, line in told
        if counts[name.lower()] > there.get(name.lower(), 0) and not name.lower().startswith(_SHAPE)
    ]
    if not missing:
        return raw
    return b"".join(line + b"\r\n" for line in missing) + raw


def is_mail(raw: bytes) -> bool:
    """Whether it begins with a header: a log-in page, or what a proxy has to say, does not."""
    return _BEGINNING.match(raw) is not None


def _fields(headers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Name and line of each header that can stand as one."""
    for header in headers:
        name, value = header.get("name"), header.get("value")
        if isinstance(name, str) and isinstance(value, str) and _NAME.fullmatch(name):
            text = value[:_LONGEST].encode("utf-8", "replace").decode("utf-8")
            yield name, _line(name, _BLANKS.sub(" ", text).strip())


def _line(name: str, value: str) -> bytes:
    """A header field that ends where its value ends, folded where it is long (RFC 5322 §2.2.3)."""
    if not value.isascii():
        text = Header(value, "utf-8", maxlinelen=76, header_name=name).encode(linesep="\r\n")
        return f"{name}: {text}".encode("ascii", "replace")
    words = value.split(" ")
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + len(word) > _LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines).encode("ascii")
