"""Graph's JSON of a mail: properties that come and go, times, and what a draft is made of."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.mail import Address, MessageId
from appliance.mailbox import graph_item
from appliance.mailbox.mailstore import Tag
from tests.factories import reply


def carrying(id_: str, value: Any) -> dict[str, Any]:
    return {"singleValueExtendedProperties": [{"id": id_, "value": value}]}


@pytest.mark.parametrize("id_", ["Integer 0x1081", "Integer 0x01081", "integer 0x1081"])
def test_a_property_is_found_however_the_server_writes_its_name(id_: str) -> None:
    assert graph_item.answered(carrying(id_, "102"))


def test_guids_have_no_case() -> None:
    id_ = graph_item.tag_id(Tag.REPLY)
    assert graph_item.prop(carrying(id_.replace("6d2f8a54", "6D2F8A54"), "x"), id_) == "x"
    assert graph_item.prop(carrying(id_, "x"), graph_item.tag_id(Tag.COPY)) == ""


@pytest.mark.parametrize(
    ("value", "answered"), [("102", True), ("103", True), ("104", False), ("0", False), (102, True)]
)
def test_a_reply_and_a_reply_to_all_are_answers_and_forwarding_is_none(
    value: Any, *, answered: bool
) -> None:
    assert graph_item.answered(carrying("Integer 0x1081", value)) is answered


@pytest.mark.parametrize(
    "item", [{}, {"singleValueExtendedProperties": None}, {"singleValueExtendedProperties": [7]}]
)
def test_what_did_not_come_along_is_empty(item: dict[str, Any]) -> None:
    assert not graph_item.answered(item)
    assert graph_item.size(item) == 0
    assert graph_item.moment(item) is None


@pytest.mark.parametrize("text", ["2026-11-25T08:41:06Z", "2026-11-25T08:41:06.0000000Z"])
def test_a_time_is_read(text: str) -> None:
    when = datetime(2026, 11, 25, 8, 41, 6, tzinfo=UTC)
    assert graph_item.moment({"receivedDateTime": text}) == when


@pytest.mark.parametrize("text", ["", "yesterday", None, 7, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert graph_item.moment({"receivedDateTime": text}) is None


def test_a_time_is_told_in_whole_seconds_before_it() -> None:
    when = datetime(2026, 11, 25, 8, 41, 6, 999_999, tzinfo=timezone(timedelta(hours=8)))
    assert graph_item.told(when) == "2026-11-25T00:41:06Z"


def test_headers_go_the_way_that_there_is_for_each() -> None:
    made = reply(
        headers=(
            ("Auto-Submitted", "auto-replied"),
            *((f"X-Number-{number}", str(number)) for number in range(6)),
            ("Subject", "not twice"),
            ("X-Bad Name", "x"),
            ("X-Empty", " "),
        )
    )
    names = [header["name"] for header in graph_item.message_headers(made)]
    assert names == [f"X-Number-{number}" for number in range(5)]
    assert [id_.rpartition(" ")[2] for id_ in graph_item.header_properties(made)] == [
        "Auto-Submitted",
        "X-Number-5",
    ]


def test_of_many_references_the_first_and_the_newest_stay() -> None:
    ids = tuple(MessageId(f"{number}@customer.example") for number in range(60))
    made = graph_item.thread_properties(reply(references=ids, in_reply_to=ids[-1]))
    kept = made["String 0x1039"].split()
    assert len(kept) == 20
    assert (kept[0], kept[-1]) == ("<0@customer.example>", "<59@customer.example>")
    assert made["String 0x1042"] == "<59@customer.example>"


def test_ids_that_can_be_none_are_left_out() -> None:
    bad = MessageId("a b>\r\nBcc: x@y.example")
    assert graph_item.thread_properties(reply(references=(bad,), in_reply_to=bad)) == {}
    assert graph_item.bracketed([bad, MessageId("a@b.example")]) == ["<a@b.example>"]


def test_an_address_beyond_ascii_stands_as_it_is() -> None:
    content = graph_item.content(reply(recipient=Address("李娜@例子.example")))
    assert content["toRecipients"][0]["emailAddress"]["address"] == "李娜@例子.example"


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_the_request(text: str, name: str) -> None:
    content = graph_item.content(reply(text=text, subject=name, sender_name=name))
    body = content["body"]["content"]
    assert body.encode("utf-8").replace(b"\r\n", b"").count(b"\r") == 0
    assert body.replace("\r\n", "").count("\n") == 0
    assert "\n" not in content["subject"]
    assert "\x00" not in body


def test_a_line_stays_a_line() -> None:
    content = graph_item.content(reply(text="one\n\ntwo\r\nthree\rfour\u2028five  \n -- \n"))
    assert content["body"]["content"] == "one\r\n\r\ntwo\r\nthree\r\nfour\r\nfive  \r\n -- \r\n"
