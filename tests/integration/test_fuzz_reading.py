"""No bytes may stop the reader, slow it down, or carry a control character past it."""

import random
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.domain.mail import Message
from appliance.mailbox import mime

SAMPLES = tuple(
    path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "evaluation").glob("*/dev/mails/*.eml"))
)
MUTANTS = 2_000
SEED = 20_261_101
SECONDS = 1.0
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
SPICES = (
    b"\r\n\r\n",
    b"\n",
    b"\x00",
    b"\x1b[2J\x1b]0;owned\x07",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"\xc2\x9b31m",
    b"\xff\xfe",
    b"=?utf-8?B?//////?=",
    b"=?gb2312?Q?=FF=1B=5B?=",
    b"=?x?b?",
    b'Content-Type: multipart/mixed; boundary=""\r\n',
    b'Content-Type: text/plain; charset="\x00"\r\n',
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Message-ID: <>\r\n",
    b"From: (((((\r\n",
    b'To: "\\"<@>\r\n',
    b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n",
    b'<div style="display:none',
    b"&#0;&#8238;&#x1b;&#55296;",
    b"<!--",
    b"<style>*{color:#fff",
    b"> > > > ",
    b"-- \r\n",
)


def texts(value: object) -> Iterator[str]:
    """Every string in a message, wherever it is."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
    elif is_dataclass(value):
        for one in fields(value):
            yield from texts(getattr(value, one.name))


def assert_read(raw: bytes, seconds: float = SECONDS) -> Message:
    began = time.process_time()
    message = mime.read(raw, mailbox="north", uid="1")
    assert time.process_time() - began < seconds
    for text in texts(message):
        assert not UNSAFE.search(text), text[:200]
    assert message.text.count("\n") < 2_000
    assert all(len(line) <= 1_000 for line in message.text.split("\n"))
    assert message.size == len(raw)
    return message


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """The mail after one to eight accidents."""
    mail = bytearray(raw[:40_000])
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(mail)) if mail else 0
        match dice.randrange(7):
            case 0:
                mail[at : at + 1] = bytes((dice.randrange(256),))
            case 1:
                del mail[at : at + dice.randint(1, 200)]
            case 2:
                mail[at:at] = dice.choice(SPICES)
            case 3:
                mail[at:at] = mail[at : at + dice.randint(1, 400)] * dice.randint(1, 20)
            case 4:
                mail[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 40)))
            case 5:
                other = dice.choice(SAMPLES)
                cut = dice.randrange(len(other))
                mail[at : at + 50] = other[cut : cut + dice.randint(1, 2_000)]
            case _:
                del mail[at:]
    return bytes(mail)


def test_two_thousand_damaged_mails_are_read() -> None:
    dice = random.Random(SEED)
    for _ in range(MUTANTS):
        assert_read(mutated(dice.choice(SAMPLES), dice))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(head=st.binary(max_size=200), body=st.binary(min_size=1, max_size=600))
def test_any_bytes_are_read(head: bytes, body: bytes) -> None:
    assert_read(b"From: " + head + b"\r\nSubject: " + body[:80] + b"\r\n\r\n." + body)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(("plain", "html")),
    charset=st.sampled_from(("utf-8", "gb2312", "hz", "utf-7", "utf-16", "idna", "rot13", "\x00")),
    text=st.text(alphabet=st.characters(codec="utf-8"), max_size=400),
)
def test_any_text_is_read_in_any_charset(kind: str, charset: str, text: str) -> None:
    head = f"From: a@b.example\r\nContent-Type: text/{kind}; charset={charset}\r\n\r\n."
    assert_read(head.encode() + text.encode())


def html(body: str) -> bytes:
    return b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body.encode()


def plain(body: str) -> bytes:
    return b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body.encode()


def nested(depth: int) -> bytes:
    open_ = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
        for i in range(depth)
    )
    return b"From: a@b.example\r\n" + open_ + b"Content-Type: text/plain\r\n\r\nhello\r\n"


NASTY = {
    "multiparts a thousand deep": nested(1_000),
    "multiparts just below the bound": nested(95),
    "mails in mails": b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"hello",
    "a million headers": b"X-A: b\r\n" * 1_000_000 + b"\r\nhello",
    "one header of a megabyte": b"To: " + b"a@b.example, " * 80_000 + b"\r\n\r\nhello",
    "comments in comments": b"From: " + b"(" * 60_000 + b"a@b.example\r\n\r\nhello",
    "encoded words without end": b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\r\n\r\nhello",
    "references without end": b"References: " + b"<a@b> " * 40_000 + b"\r\n\r\nhello",
    "parts without end": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nx\r\n" * 20_000,
    "five megabytes of html on one line": html("<p>hello <b>world</b></p>" * 200_000),
    "quotes in quotes": html("<blockquote>" * 100_000 + "hello"),
    "divisions in divisions": html("<div>" * 200_000 + "hello"),
    "tables in tables": html("<table><tr><td>" * 50_000 + "hello"),
    "formatting never closed": html("<b>" * 350 + "<p>x" * 200_000),
    "fonts never closed": html(
        "".join(f"<font color='#{i:06x}'>" for i in range(300)) + "<p>x" * 200_000
    ),
    "a list without end": html("<ol>" + "<li>a" * 200_000),
    "lines without end": html("<br>" * 500_000 + "hello"),
    "style sheets without end": html(
        "<style>" + ".a{color:red}/*" * 50_000 + "</style><p class=a>x" * 3_000
    ),
    "selectors that match all": html(
        "<style>" + "* *{color:#fff}" * 3_000 + "</style>" + "<p>x" * 5_000
    ),
    "media never closed": html("<style>" + "@media{" * 20_000 + "</style>x"),
    "hidden without end": html("<p hidden>x</p><p>y</p>" * 50_000),
    "blanks without end": plain(" " * 5_000_000 + "x"),
    "blank lines without end": plain("\n \n" * 400_000 + "x"),
    "marks without end": plain("a" + "\u0301\u0327\u0323" * 700_000),
    "one line without end": plain("x" * 5_000_000),
    "quote marks without end": plain("> " * 1_000_000),
    "quote marks on each line": plain(">>>>>>>>>>>> a\nb\n" * 100_000),
    "an opening on each line": plain("On 1 at wrote\n" * 100_000),
    "an opening on a long line": plain(("On 3 Nov 2026, " + "<a@b.example> " * 60 + "\n") * 2_000),
    "chinese openings": plain("在 2026年于2026年" * 200_000),
    "labels on each line": plain("From: a@b\n" * 100_000),
    "rules on each line": plain("-----\n" * 100_000),
    "closings on each line": plain("Kind regards\n\nTel: 0113 496 0711\n\n" * 30_000),
    "footers on each line": plain("Sent from my iPhone\n" * 100_000),
    "dashes without end": plain("hello\n" + "-" * 500_000 + "\n"),
    "digits without end": plain(("0 " * 490 + "\n") * 2_000),
    "notices without end": plain("confidential intended recipient delete " * 100_000),
    "brackets without end": plain("<|" * 500_000 + "[[[" * 100_000),
    "escapes without end": plain("\x1b[" + "0;" * 1_000_000),
    "flowed lines without end": plain("x \n" * 300_000).replace(
        b"plain;", b"plain; format=flowed;"
    ),
    "armour never closed": plain("-----BEGIN PGP SIGNED MESSAGE-----\n" * 50_000),
    "base64 that is none": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 2_000_000,
    "quoted-printable that is none": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    + b"=" * 2_000_000,
    "uuencode that is none": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\n"
    + b"\xff" * 500_000,
    "bytes of no charset": b"From: a@b.example\r\n\r\n" + bytes(range(128, 256)) * 20_000,
    "a boundary of blanks": b'Content-Type: multipart/mixed; boundary="  "\r\n\r\n--  \r\n\r\nx\r\n'
    * 50,
    "parameters without end": b"Content-Type: text/plain" + b"; a*0*=b" * 20_000 + b"\r\n\r\nhello",
}


@pytest.mark.parametrize("raw", NASTY.values(), ids=NASTY.keys())
def test_a_hostile_mail_costs_little(raw: bytes) -> None:
    assert_read(raw, seconds=3 * SECONDS)
