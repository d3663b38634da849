"""A ``Reply`` to the RFC 5322 bytes that leave."""

import base64
import hashlib
import quopri
import re
from collections.abc import Iterator, Sequence
from email.header import Header
from email.utils import format_datetime, quote
from typing import Final

from appliance.domain.draft import Reply
from appliance.domain.errors import ReplyRefused
from appliance.domain.mail import Address, MessageId
from appliance.mailbox.clean import one_line

MAX_REFERENCES: Final = 20

_LINE: Final = 76
_SHORTEST: Final = 40
_LONGEST: Final = 900
_ATOM: Final = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff<>\"(),:;@\[\]\\]"
_ADDRESS: Final = re.compile(f"{_ATOM}{{1,200}}@{_ATOM}{{1,250}}")
_NAME: Final = re.compile(r"[!-9;-~]{1,70}")
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_PLAIN_NAME: Final = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*", re.ASCII)
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NEWLINE: Final = re.compile(r"\r\n|[\r\u0085\u2028\u2029]")
_OWN: Final = frozenset(
    {
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    }
)


def compose(reply: Reply, *, utf8: bool = False) -> bytes:
    """The complete mail with CRLF: one recipient, text/plain in UTF-8 (RFC 5322, 2045, 2047).

    With ``utf8`` an address beyond ASCII stands as it is (RFC 6532); everything else stays ASCII.

    No header value can end its line, whatever the reply holds. Of the references the first and the
    newest are kept (``MAX_REFERENCES``); ids that are not ASCII, and further headers that repeat
    one written here or have an impossible name, are left out. Same reply, same bytes.

    Raises:
        ReplyRefused: sender or recipient is not one plain address, or without ``utf8`` cannot be
            written in ASCII.
    """
    lines = [
        _person("From", reply.sender_name, wire_address(reply.sender, utf8=utf8)),
        _person("To", reply.recipient_name, wire_address(reply.recipient, utf8=utf8)),
        _field("Subject", reply.subject),
        _field("Date", format_datetime(reply.date)),
        *_ids("Message-ID", (reply.id,)),
        *_ids("In-Reply-To", () if reply.in_reply_to is None else (reply.in_reply_to,)),
        *_ids("References", _kept(reply.references)),
        *(_field(name, value) for name, value in reply.headers if _further(name)),
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
    ]
    encoding, body = _body(reply.text)
    lines.append(f"Content-Transfer-Encoding: {encoding}")
    return "\r\n".join((*lines, "", "")).encode("utf-8" if utf8 else "ascii") + body


def wire_address(address: Address, *, utf8: bool) -> Address:
    """An address as it goes over the wire: without ``utf8`` its domain in ASCII (RFC 5890).

    Raises:
        ReplyRefused: it is not one plain address, or has no certain form in ASCII.
    """
    if not _ADDRESS.fullmatch(address):
        raise ReplyRefused("An address of the reply is not one that mail can be sent with.")
    if utf8 or address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    try:
        written = domain.encode("idna").decode("ascii")
        # The codec is of IDNA 2003 and makes straße into strasse, which may be somebody else's.
        if local.isascii() and written.encode("ascii").decode("idna") == domain.lower():
            return Address(f"{local}@{written}")
    except UnicodeError:
        pass
    raise ReplyRefused(
        "An address of the reply is beyond ASCII, and the mail server does not take such "
        "(SMTPUTF8, RFC 6531). Answer it another way."
    )


def draft_origin(uid: str) -> str:
    """What marks every draft for one mail of ours, of which it tells nothing."""
    return hashlib.sha256(uid.encode()).hexdigest()[:24]


def _further(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.lower() not in _OWN


def _field(name: str, value: str) -> str:
    text = one_line(value)
    if not text.isascii():
        return f"{name}: {_encoded(text, len(name) + 2)}"
    return "\r\n ".join(_folded(f"{name}: {text}"))


def _person(header: str, name: str, address: Address) -> str:
    text = one_line(name, 200)
    if not text:
        return f"{header}: <{address}>"
    if not text.isascii():
        shown = _encoded(text, len(header) + 2)
    else:
        shown = text if _PLAIN_NAME.fullmatch(text) else f'"{quote(text)}"'
    return f"{header}: {shown}\r\n <{address}>"


def _encoded(text: str, used: int) -> str:
    """The text as encoded words (RFC 2047), folded, no character split between two of them."""
    return Header(text, "utf-8", maxlinelen=max(_LINE - used, _SHORTEST)).encode(linesep="\r\n")


def _folded(line: str) -> Iterator[str]:
    """The pieces of a header line, broken at blanks, and anywhere where none is for too long."""
    rest = line
    while len(rest) > _LINE:
        at = rest.rfind(" ", 1, _LINE)
        if at <= rest.find(":") + 1:
            at = rest.find(" ", _LINE)
        if at < 0 or at > _LONGEST:
            at = min(_LONGEST, len(rest))
        yield rest[:at]
        rest = rest[at:].lstrip(" ")
    if rest:
        yield rest


def _ids(header: str, ids: Sequence[MessageId]) -> Iterator[str]:
    kept = [f"<{one}>" for one in ids if _ID.fullmatch(one)]
    if kept:
        yield f"{header}: " + "\r\n ".join(kept)


def _kept(ids: Sequence[MessageId]) -> Sequence[MessageId]:
    return ids if len(ids) <= MAX_REFERENCES else (ids[0], *ids[1 - MAX_REFERENCES :])


def _body(text: str) -> tuple[str, bytes]:
    """The transfer encoding and the encoded body: readable where it can be."""
    lines = _FORBIDDEN.sub("", _NEWLINE.sub("\n", text)).rstrip("\n") + "\n"
    raw = lines.encode("utf-8", "replace")
    if lines.isascii() and all(len(line) <= _LINE for line in lines.split("\n")):
        return "7bit", raw.replace(b"\n", b"\r\n")
    if sum(1 for character in lines if not character.isascii()) * 6 < len(lines):
        return "quoted-printable", quopri.encodestring(raw).replace(b"\n", b"\r\n")
    canonical = raw.replace(b"\n", b"\r\n")
    return "base64", base64.encodebytes(canonical).replace(b"\n", b"\r\n")
