"""Raw RFC 5322 bytes to a ``Message``: broken mail is read as far as it goes."""

import hashlib
import re
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message as Part
from email.parser import BytesParser
from email.policy import compat32
from itertools import islice
from typing import Final

from appliance.domain.mail import Address, Correspondent, Message, MessageId
from appliance.mailbox.clean import names_template_token
from appliance.mailbox.headers import Fields, correspondents, date, decoded, ids, raw_fields, values
from appliance.mailbox.parts import charset, contents, media_type
from appliance.mailbox.text import read_bodies

MAX_HEADERS: Final = 262_144
MAX_FIELDS: Final = 2_000
MAX_CONTAINERS: Final = 100

_END_OF_HEADERS: Final = re.compile(rb"\r?\n\r?\n")
_CONTAINER: Final = re.compile(
    rb"^content-type:\s{0,80}(?:multipart|message)/", re.IGNORECASE | re.MULTILINE
)


def read(raw: bytes, *, mailbox: str, uid: str) -> Message:
    """The message in ``raw`` (RFC 5322 and 2045 to 2049), every attribute as ``Message`` says.

    Never raises: of no bytes at all it makes a message that says nothing and has no sender.

    Oddities: ``bidi``, ``charset_guessed``, ``control``, ``encrypted`` (text in PGP armour),
    ``malformed`` (MIME structure), ``no_sender``, ``parts_differ`` (the plain form says what the
    HTML does not show), ``template_token``, ``truncated``, ``undecodable``, ``zero_width``.
    """
    part, odd = _parsed(raw)
    found = contents(part)
    reading = read_bodies(found.plain, found.html)
    fields = raw_fields(part)
    if len(fields) > MAX_FIELDS:
        odd.add("truncated")
    people = _People(fields=fields[:MAX_FIELDS], charset=_first_charset(part))
    headers = decoded(people.fields, people.charset)
    subject = next((value for name, value in headers if name == "subject"), "")
    sender = next(iter(people.under("from")), None)
    odd |= found.oddities | reading.oddities | _header_oddities(sender, subject)
    sender = sender or Correspondent(name="", address=Address(""))
    digest = _digest(sender, subject, reading.text)
    given = _first_id(fields, "message-id")
    return Message(
        mailbox=mailbox,
        uid=uid,
        id=given or MessageId(f"{digest[:40]}@digest.invalid"),
        id_given=given is not None,
        in_reply_to=_first_id(fields, "in-reply-to"),
        references=ids(values(fields, "references")),
        date=date(next(iter(values(fields, "date")), None)),
        sender=sender,
        reply_to=people.under("reply-to"),
        to=people.under("to"),
        cc=people.under("cc"),
        subject=subject,
        headers=headers,
        text=reading.text,
        question=reading.parting.question,
        quoted=reading.parting.quoted,
        signature=reading.parting.signature,
        hidden=reading.hidden,
        oddities=tuple(sorted(odd)),
        attachments=tuple(found.attachments),
        media_type=media_type(part),
        parts=tuple(found.types),
        digest=digest,
        size=len(raw),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """The address headers of one mail and the charset to try for their raw bytes."""

    fields: Fields
    charset: str | None

    def under(self, name: str) -> tuple[Correspondent, ...]:
        return correspondents(values(self.fields, name), self.charset)


def _parsed(raw: bytes) -> tuple[Part, set[str]]:
    """The parsed mail; too long headers are cut and too deep nesting is not parsed at all."""
    odd: set[str] = set()
    end = _END_OF_HEADERS.search(raw)
    head = raw[: end.end()] if end else raw
    if len(head) > MAX_HEADERS:
        odd.add("truncated")
        head = head[: head.rfind(b"\n", 0, MAX_HEADERS) + 1]
        raw = head + b"\r\n" + (raw[end.end() :] if end else b"")
    parser = BytesParser(policy=compat32)
    if sum(1 for _ in islice(_CONTAINER.finditer(raw), MAX_CONTAINERS + 1)) <= MAX_CONTAINERS:
        try:
            return parser.parsebytes(raw), odd
        except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
    odd.add("malformed")
    return parser.parsebytes(raw, headersonly=True), odd


def _first_charset(part: Part) -> str | None:
    return next((label for child in part.walk() if (label := charset(child))), None)


def _first_id(fields: Fields, name: str) -> MessageId | None:
    return next(iter(ids(values(fields, name))), None)


def _header_oddities(sender: Correspondent | None, subject: str) -> set[str]:
    odd = set() if sender else {"no_sender"}
    if names_template_token(subject) or (sender and names_template_token(sender.name)):
        odd.add("template_token")
    return odd


def _digest(sender: Correspondent, subject: str, text: str) -> str:
    folded = (" ".join(words.split()) for words in (sender.address, subject, text))
    return hashlib.sha256("\0".join(folded).encode()).hexdigest()
