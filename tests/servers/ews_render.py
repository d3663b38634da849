"""Mail as it leaves, or as an item's MIME: RFC 5322 made of an item's fields."""

import re
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from tests.servers.ews_item import Box, Item, plain
from tests.servers.ews_personality import MISSING_HEADERS
from tests.servers.ews_xml import INTERNET_HEADERS


def mime(item: Item, *, original: bool) -> bytes:
    """What MimeContent says; ``original``: of a delivered mail the bytes it was delivered with."""
    if item.raw is None:
        return rendered(item)
    raw = re.sub(rb"\r?\n", b"\r\n", item.received_line + item.raw)
    return raw if original else made_anew(raw)


def made_anew(raw: bytes) -> bytes:
    """The mail without the headers that a server which keeps properties alone has lost."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    kept = [
        each
        for each in fields
        if each.partition(b":")[0].strip().lower().decode("ascii", "replace") not in MISSING_HEADERS
    ]
    return b"\r\n".join(kept) + blank + body


def lying(item: Item) -> bytes:
    """The mail as a test wants it: the very bytes that were delivered, else a rendering."""
    return item.raw if item.raw is not None else rendered(item, with_bcc=True)


def rendered(item: Item, *, with_bcc: bool = False) -> bytes:
    """RFC 5322 of the fields, the InternetHeaders properties, the body and the attachments."""
    lines = [
        _boxes("From", [item.author] if item.author else []),
        _boxes("Sender", [item.sender] if item.sender and item.sender != item.author else []),
        _boxes("To", item.to),
        _boxes("Cc", item.cc),
        _boxes("Bcc", item.bcc if with_bcc else []),
        _boxes("Reply-To", item.reply_to),
        _line("Subject", item.subject),
        _line("Thread-Topic", item.topic),
        _line("Date", format_datetime(item.sent or item.created)),
        _line("Message-ID", item.message_id),
        _line("In-Reply-To", item.in_reply_to),
        _line("References", item.references),
        *(
            _line(path.label, " ".join(value.texts))
            for path, value in item.extended.items()
            if path.set_id == INTERNET_HEADERS
        ),
    ]
    head = "".join(f"{line}\r\n" for line in lines if line).encode("ascii")
    return head + _content(item)


def _line(name: str, value: str) -> str:
    value = " ".join(value.splitlines())
    if not value:
        return ""
    return f"{name}: {value}" if value.isascii() else f"{name}: {Header(value, 'utf-8').encode()}"


def _boxes(name: str, boxes: list[Box]) -> str:
    return _line(
        name,
        ", ".join(
            formataddr(
                (
                    Header(box.name, "utf-8").encode() if not box.name.isascii() else box.name,
                    box.address,
                )
            )
            for box in boxes
        ),
    )


def _content(item: Item) -> bytes:
    message = EmailMessage(policy=SMTP)
    body, html = item.body
    if html:
        message.set_content(plain(body))
        message.add_alternative(body, subtype="html")
    else:
        message.set_content(body)
    for each in item.attachments:
        if not each.hidden:
            main, _, sub = (each.media_type or "application/octet-stream").partition("/")
            message.add_attachment(
                each.content, maintype=main, subtype=sub or "octet-stream", filename=each.name
            )
    return message.as_bytes()
