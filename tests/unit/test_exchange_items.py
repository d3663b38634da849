"""What an Exchange server tells of a mail, as values: times, headers, keys, groups."""

from base64 import b64decode
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import pytest
from exchangelib import Message
from exchangelib.properties import MessageHeader
from exchangelib.util import to_xml
from hypothesis import given
from hypothesis import strategies as some

from appliance.mailbox.exchange.items import (
    groups,
    head,
    listed,
    moment,
    raw,
)
from appliance.mailbox.exchange.models import (
    LAST_VERB,
    MESSAGE_ID,
    RECEIVED,
    SEARCH_KEY,
    SENT,
    header,
    register,
)
from appliance.mailbox.mailstore import Listed, Ref

CONTENT = (
    b"MIME-Version: 1.0\r\nSubject: made anew\r\nX-Mailer: the server\r\n"
    b"Content-Type: text/plain;\r\n\tcharset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"\r\nhello\r\n\r\nContent-Type: of the text\r\n"
)


register()


def item(headers: list[tuple[str, str]], **values: str) -> Any:
    """A mail as GetItem tells of it."""
    told = [MessageHeader(name=name, value=value) for name, value in headers]
    fields = {"message_id": MESSAGE_ID, "sent": SENT}
    known: dict[str, Any] = {fields[one]: values[one] for one in fields if one in values}
    if "search_key" in values:
        known[SEARCH_KEY] = b64decode(values["search_key"])
    return Message(id="id-1", changekey="key-1", headers=told, **known)


def key(headers: list[tuple[str, str]], **values: str) -> str:
    found = head(item(headers, **values))
    assert found is not None
    return found.key


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-02T09:00:00Z", datetime(2026, 11, 2, 9, tzinfo=UTC)),
        ("2026-11-02T09:00:00.123456789Z", datetime(2026, 11, 2, 9, 0, 0, 123456, UTC)),
        ("2026-11-02T09:00:00.5", datetime(2026, 11, 2, 9, 0, 0, 500000, UTC)),
        ("2026-11-02T09:00:00+08:00", datetime(2026, 11, 2, 1, tzinfo=UTC)),
        ("2026-11-02T09:00:00-03:30", datetime(2026, 11, 2, 12, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00+08:00", None),
        ("2026-13-02T09:00:00Z", None),
        ("2026-11-02T09:00:00+99:00", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_as_servers_write_them(text: str | None, time: datetime | None) -> None:
    assert moment(text) == time


@given(some.text(max_size=40))
def test_no_time_makes_reading_fail(text: str) -> None:
    moment(text)


@given(some.datetimes(min_value=datetime(1900, 1, 1)), some.integers(0, 999))  # noqa: DTZ001
def test_nine_digits_mean_the_same_as_six(time: datetime, rest: int) -> None:
    assert moment(f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}{rest:03d}Z") == time.replace(
        tzinfo=UTC
    )


def test_the_headers_it_came_with_stand_over_the_structure_the_server_made() -> None:
    headers = (
        ("Received", "by mail"),
        ("From", "a@example.com"),
        ("Subject", "as sent"),
        ("Content-Type", 'multipart/mixed; boundary="old"'),
        ("MIME-Version", "1.0"),
    )
    made_anew = raw(headers, CONTENT)
    parsed = message_from_bytes(made_anew)
    assert parsed.keys() == [
        "Received",
        "From",
        "Subject",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]
    assert (parsed["Subject"], parsed.get_content_type()) == ("as sent", "text/plain")
    assert made_anew.endswith(b"\r\n\r\nhello\r\n\r\nContent-Type: of the text\r\n")


def test_a_mail_that_never_travelled_keeps_its_own_headers() -> None:
    assert raw((), CONTENT) == CONTENT
    assert raw((("X-Only", "this"),), CONTENT) == CONTENT


def test_mime_content_of_headers_alone_has_no_text() -> None:
    bare = raw((("From", "a@example.com"),), b"Content-Type: text/plain")
    assert bare == b"From: a@example.com\r\nContent-Type: text/plain\r\n\r\n"


@given(some.lists(some.tuples(some.text(max_size=20), some.text(max_size=40)), max_size=5))
def test_no_header_can_end_its_line_or_the_block(odd: list[tuple[str, str]]) -> None:
    found = head(item([("From", "a@example.com"), *odd]))
    assert found is not None
    block, blank, body = raw(found.headers, b"Content-Type: text/plain\r\n\r\nbody").partition(
        b"\r\n\r\n"
    )
    assert (blank, body) == (b"\r\n\r\n", b"body")
    lines = block.split(b"\r\n")
    assert len(lines) == 1 + sum(
        not name.lower().startswith("content-") and name.lower() != "mime-version"
        for name, _ in found.headers
    )
    assert all(b":" in line and b"\r" not in line and b"\n" not in line for line in lines)


def test_a_value_that_brings_line_ends_stays_one_header() -> None:
    found = head(item([("Subject", "one\r\nBcc: x@example.com\r\n\r\nbody"), ("Bad Name", "x")]))
    assert found is not None
    assert found.headers == (("Subject", "one Bcc: x@example.com body"),)


def test_a_key_is_made_of_the_headers_but_of_no_content_header() -> None:
    travelled = [("Received", "id 1"), ("Subject", "a")]
    assert key(travelled) == key([*travelled, ("Content-Type", "text/html")])
    assert key(travelled) == key([("received", "id   1"), ("SUBJECT", "a ")], message_id="<x>")
    assert key(travelled) != key([("Received", "id 2"), ("Subject", "a")])


def test_without_a_journey_a_key_is_made_of_what_moving_keeps() -> None:
    same = {"message_id": "<a@example.com>", "sent": "2026-11-02T09:00:00Z", "search_key": "QQ=="}
    shown = [("Subject", "shown in one answer, not in the other")]
    assert key([], **same) == key(shown, **same)
    for name, other in (
        ("message_id", "<b@example.com>"),
        ("sent", "2026-11-02T09:00:01Z"),
        ("search_key", "Qg=="),
    ):
        assert key([], **same) != key([], **(same | {name: other}))


def told(inner: str) -> Any:
    """A mail as the library reads it."""
    types = "http://schemas.microsoft.com/exchange/services/2006/types"
    xml = f'<t:Message xmlns:t="{types}"><t:ItemId Id="id-1"/>{inner}</t:Message>'
    return Message.from_xml(to_xml(xml.encode()).getroot(), None)


def verb(number: int, tag: str = "0x1081") -> str:
    return (
        f'<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="Integer"/>'
        f"<t:Value>{number}</t:Value></t:ExtendedProperty>"
    )


def test_what_a_list_tells_is_read_and_what_it_does_not_tell_is_borne() -> None:
    one = listed(
        told(
            "<t:DateTimeReceived>2026-11-02T09:00:00.000000000Z</t:DateTimeReceived>"
            f"<t:Size>812</t:Size>{verb(103)}"
        )
    )
    assert one == Listed(
        ref=Ref("id-1"), received=datetime(2026, 11, 2, 9, tzinfo=UTC), size=812, answered=True
    )
    assert listed(told(verb(104))) == Listed(ref=Ref("id-1"), received=None)
    assert listed(Message()) is None
    assert head(Message()) is None


@pytest.mark.parametrize("said", ["0x1081", "0X1081", "4225"])
def test_a_property_is_known_however_its_tag_is_written(said: str) -> None:
    mail = told(verb(102, said))
    assert getattr(mail, LAST_VERB) == 102
    assert getattr(mail, MESSAGE_ID) is None


def test_registering_again_changes_nothing() -> None:
    before = [field.name for field in Message.FIELDS]
    register()
    assert header("X-One") == header("x-one")
    after = [field.name for field in Message.FIELDS if field.name != header("X-One")]
    assert after == [name for name in before if name != header("X-One")]
    assert {LAST_VERB, RECEIVED} <= set(after)


def test_groups_keep_the_order_and_the_weight() -> None:
    sizes = [1, 2, 9, 0, 0, 0, 5, 5]
    wanted = [Listed(ref=Ref(f"{n}"), received=None, size=size) for n, size in enumerate(sizes)]
    found = [[one.size for one in group] for group in groups(wanted, 5, 3)]
    assert found == [[1, 2], [9], [0, 0, 0], [5], [5]]
    assert list(groups([], 5, 3)) == []
    untold = [Listed(ref=Ref(f"{n}"), received=None) for n in range(25)]
    assert [len(group) for group in groups(untold, 4_000_000, 100)] == [10, 10, 5]


@pytest.mark.parametrize("content", [b"\r\nFirst.\r\n\r\nSecond.\r\n", b"\nFirst.\n\nSecond.\n"])
def test_content_without_any_header_loses_none_of_its_text(content: bytes) -> None:
    told = (("From", "a@customers.example"),)
    assert raw(told, content) == b"From: a@customers.example\r\n\r\n" + content.lstrip()
