"""The bytes of a reply, read back with the standard library."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.draft import Reply
from appliance.domain.errors import ReplyRefused
from appliance.domain.mail import Address, MessageId
from appliance.mailbox import mime
from appliance.mailbox.compose import compose, wire_address

REPLY = Reply(
    id=MessageId("r1.north@office.example"),
    in_reply_to=MessageId("q1@customer.example"),
    references=(MessageId("q0@customer.example"), MessageId("q1@customer.example")),
    sender=Address("service@qinghe.example.com"),
    sender_name="青禾电器客服",
    recipient=Address("li.na@customer.example"),
    recipient_name="李娜",
    subject="Re: 空调安装费用咨询",
    text="您好，\n\n安装费 299 元。\n",
    date=datetime(2026, 11, 3, 14, 15, tzinfo=UTC),
    automatic=True,
    headers=(("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")),
)


def parsed(reply: Reply) -> EmailMessage:
    message = message_from_bytes(compose(reply), policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def test_a_reply_can_be_read_back() -> None:
    message = parsed(REPLY)
    assert str(message["From"]) == "青禾电器客服 <service@qinghe.example.com>"
    assert str(message["To"]) == "李娜 <li.na@customer.example>"
    assert message["Subject"] == "Re: 空调安装费用咨询"
    assert message["Date"].datetime == REPLY.date
    assert message["Message-ID"] == "<r1.north@office.example>"
    assert message["In-Reply-To"] == "<q1@customer.example>"
    assert message["References"].split() == ["<q0@customer.example>", "<q1@customer.example>"]
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == REPLY.text


def test_the_reader_reads_what_was_composed() -> None:
    message = mime.read(compose(REPLY), mailbox="north", uid="1")
    assert message.subject == REPLY.subject
    assert message.sender.name == REPLY.sender_name
    assert message.references == REPLY.references
    assert message.question == REPLY.text.strip()


def test_a_long_name_is_read_as_it_was() -> None:
    raw = compose(replace(REPLY, sender_name="青禾电器" * 15))
    assert mime.read(raw, mailbox="north", uid="1").sender.name == "青禾电器" * 15


def test_the_same_reply_is_the_same_bytes() -> None:
    assert compose(REPLY) == compose(replace(REPLY))


def test_a_mail_without_ids_starts_no_thread() -> None:
    message = parsed(replace(REPLY, in_reply_to=None, references=()))
    assert "In-Reply-To" not in message
    assert "References" not in message


def test_of_many_references_the_first_and_the_newest_stay() -> None:
    many = tuple(MessageId(f"{number}@customer.example") for number in range(60))
    kept = parsed(replace(REPLY, references=many))["References"].split()
    assert len(kept) == 20
    assert (kept[0], kept[1], kept[-1]) == (
        "<0@customer.example>",
        "<41@customer.example>",
        "<59@customer.example>",
    )


def test_ids_that_cannot_stand_in_a_header_are_left_out() -> None:
    odd = (MessageId("a b@x"), MessageId("a>\r\nBcc: x@y"), MessageId("ü@x"), MessageId("c@d"))
    message = parsed(replace(REPLY, references=odd, in_reply_to=odd[1]))
    assert message["References"] == "<c@d>"
    assert "In-Reply-To" not in message
    assert "Bcc" not in message


@pytest.mark.parametrize(
    "name", ["", "Li Na", 'Dr. "Li", Na', "O'Neil", "Ünal", "李" * 10, "a\r\nBcc: x@y"]
)
def test_names_come_back_as_they_were(name: str) -> None:
    message = parsed(replace(REPLY, recipient_name=name))
    assert message["To"].addresses[0].display_name == " ".join(name.split())
    assert message["To"].addresses[0].addr_spec == REPLY.recipient
    assert "Bcc" not in message


@pytest.mark.parametrize(
    "subject", ["word " * 60, "x" * 3_000, "a " + "x" * 1_500, "李" * 300, "Re: a\r\nBcc: x@y"]
)
def test_long_subjects_are_folded(subject: str) -> None:
    raw = compose(replace(REPLY, subject=subject))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    read = mime.read(raw, mailbox="north", uid="1")
    assert read.subject.replace(" ", "") == "".join(subject.split())
    assert read.header("bcc") is None


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b, c@d", "a@b>\r\nBcc: <c@d", "a b@c", "ü@x.example", "a@b@c", '"q"@x'],
)
def test_what_is_not_one_plain_address_is_refused(address: str) -> None:
    with pytest.raises(ReplyRefused):
        compose(replace(REPLY, recipient=Address(address)))
    with pytest.raises(ReplyRefused):
        compose(replace(REPLY, sender=Address(address)))


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("code", [0, 0x1B, 0x7F, 0x85, 0x2028, 0xD800, 0xDCFF])
def test_an_address_with_a_control_or_half_a_character_is_refused(code: int, utf8: bool) -> None:
    for address in (f"a{chr(code)}b@customer.example", f"a@b{chr(code)}c.example"):
        with pytest.raises(ReplyRefused) as refused:
            compose(replace(REPLY, recipient=Address(address)), utf8=utf8)
        assert "customer" not in str(refused.value)


@pytest.mark.parametrize(
    ("domain", "written"),
    [
        ("例子.公司", "xn--fsqu00a.xn--55qx5d"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_beyond_ascii_has_its_ascii_form(domain: str, written: str) -> None:
    message = parsed(replace(REPLY, recipient=Address(f"li@{domain}")))
    assert message["To"].addresses[0].addr_spec == f"li@{written}"


@pytest.mark.parametrize(
    "address",
    [
        "li@straße.example",  # IDNA 2003 makes it strasse.example
        "li@βόλος.example",
        "li@a\u200db.example",  # the joiner would vanish
        "li@a＞b.example",  # it would become a bracket
        "li@evil.example。customer.example",
        "li@" + "ü" * 70 + ".example",
        "li@ü..example",
        "用户@customer.example",
        "用户@例子.公司",
    ],
)
def test_what_has_no_certain_ascii_form_is_refused_or_stands_as_it_is(address: str) -> None:
    reply = replace(REPLY, recipient=Address(address))
    with pytest.raises(ReplyRefused, match="SMTPUTF8") as refused:
        compose(reply)
    assert address not in str(refused.value)
    assert f" <{address}>\r\n".encode() in compose(reply, utf8=True)


@pytest.mark.parametrize("address", ["用户@例子.公司", "jörg@bücher.example", "li@例子.公司"])
@pytest.mark.parametrize("name", ["", "李娜 ", '"Jörg, B." ', "=?utf-8?b?5p2O5aic?= "])
def test_a_sender_beyond_ascii_is_read_and_can_be_answered(name: str, address: str) -> None:
    head = f"From: {name}<{address}>\r\nTo: {REPLY.sender}\r\nMessage-ID: <q1@x.example>\r\n"
    read = mime.read(f"{head}\r\nHello\r\n".encode(), mailbox="north", uid="1")
    assert read.sender.address == address
    reply = replace(REPLY, recipient=read.sender.address, recipient_name=read.sender.name)
    raw = compose(reply, utf8=True)
    again = mime.read(raw, mailbox="north", uid="2")
    assert (again.to[0].address, again.to[0].name) == (address, read.sender.name)
    others = raw.replace(f"<{address}>".encode(), b"")
    assert others.isascii()


@pytest.mark.parametrize(
    ("address", "ascii_form", "utf8_form"),
    [
        ("li.na@customer.example", "li.na@customer.example", "li.na@customer.example"),
        ("Li.Na@Customer.Example", "Li.Na@Customer.Example", "Li.Na@Customer.Example"),
        ("li@例子.公司", "li@xn--fsqu00a.xn--55qx5d", "li@例子.公司"),
        ("用户@例子.公司", None, "用户@例子.公司"),
        ("jörg@xn--bcher-kva.example", None, "jörg@xn--bcher-kva.example"),
        ("li@straße.example", None, "li@straße.example"),
        ("a b@customer.example", None, None),
        ("li@a.example>,<x@b.example", None, None),
        ("li@a.example SIZE=1", None, None),
        ("@customer.example", None, None),
        ("li@", None, None),
        ("", None, None),
    ],
)
def test_an_address_has_one_form_on_the_wire_or_none(
    address: str, ascii_form: str | None, utf8_form: str | None
) -> None:
    for utf8, form in ((False, ascii_form), (True, utf8_form)):
        if form is not None:
            assert wire_address(Address(address), utf8=utf8) == form
            continue
        with pytest.raises(ReplyRefused) as refused:
            wire_address(Address(address), utf8=utf8)
        assert address == "" or address not in str(refused.value)


@settings(max_examples=200, deadline=None)
@given(local=st.text(max_size=20), domain=st.text(max_size=20), utf8=st.booleans())
def test_no_address_ends_its_command(local: str, domain: str, utf8: bool) -> None:
    try:
        written = wire_address(Address(f"{local}@{domain}"), utf8=utf8)
    except ReplyRefused:
        return
    assert written.isascii() or utf8
    assert not set(written) & set(" \t\r\n<>")
    assert written.count("@") == 1
    assert written.isprintable() or utf8


def test_utf8_changes_nothing_for_ascii_addresses() -> None:
    assert compose(REPLY, utf8=True) == compose(REPLY)


def test_further_headers_cannot_replace_ours_or_break_out() -> None:
    headers = (
        ("Subject", "other"),
        ("X-Bad\r\nBcc", "x@y"),
        ("X:Bad", "x"),
        ("", "x"),
        ("X-Loop", "a\r\nBcc: x@y"),
    )
    message = parsed(replace(REPLY, headers=headers))
    assert message.get_all("Subject") == [REPLY.subject]
    assert "Bcc" not in message
    assert message["X-Loop"] == "a Bcc: x@y"
    assert len(message.keys()) == 11


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hello,\n\nit is ready.\n", "7bit"),
        ("x" * 2_000 + "\n", "quoted-printable"),
        ("Grüße aus Leeds, the price is 5 € for all of it.\n", "quoted-printable"),
        ("trailing blank is kept in a long line " * 4 + " \n", "quoted-printable"),
        ("您好，安装费 299 元。\n", "base64"),
        ("\n", "7bit"),
    ],
)
def test_the_body_is_readable_where_it_can_be(text: str, encoding: str) -> None:
    message = parsed(replace(REPLY, text=text))
    assert message["Content-Transfer-Encoding"] == encoding
    assert message.get_content().replace("\r\n", "\n") == text


def test_controls_do_not_leave() -> None:
    message = parsed(replace(REPLY, text="a\x00\x1b[31mb\rc\u2028d\te"))
    assert message.get_content() == "a[31mb\r\nc\r\nd\te\r\n"


def test_a_long_header_name_leaves_room_for_its_value() -> None:
    message = parsed(replace(REPLY, headers=(("X-" + "A" * 68, "青禾电器" * 5), ("X" * 71, "a"))))
    assert message["X-" + "A" * 68].replace(" ", "") == "青禾电器" * 5
    assert "X" * 71 not in message


TEXT = st.text(max_size=120)


@settings(max_examples=60, deadline=None)
@given(name=TEXT, subject=TEXT, text=TEXT, key=TEXT, value=TEXT)
def test_no_header_can_end_its_line(
    name: str, subject: str, text: str, key: str, value: str
) -> None:
    raw = compose(
        replace(
            REPLY,
            sender_name=name,
            subject=subject,
            text=text,
            headers=((key, value), ("X-Value", value)),
        )
    )
    head, _, body = raw.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    ours = [name for name in names if name.decode("ascii") != key]
    assert (
        ours
        == (
            b"From To Subject Date Message-ID In-Reply-To References X-Value MIME-Version "
            b"Content-Type Content-Transfer-Encoding"
        ).split()
    )
    assert all(line.strip() for line in head.split(b"\r\n"))
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert raw.endswith(b"\r\n")
    assert not body.startswith(b"From ")
