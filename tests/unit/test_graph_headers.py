"""Headers that a rendering leaves out come back, and none ends before its value does."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mailbox.graph_headers import with_headers

RAW = b"From: a@customer.example\r\nSubject: Hello\r\nContent-Type: text/plain\r\n\r\nText: yes\r\n"


def headers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def test_what_is_there_stays_as_it_is() -> None:
    told = headers(("From", "b@customer.example"), ("subject", "Other"))
    assert with_headers(RAW, told) == RAW
    assert with_headers(RAW, []) == RAW


def test_what_is_missing_comes_on_top_in_order() -> None:
    told = headers(
        ("Received", "from one"),
        ("Received", "from two"),
        ("Subject", "Hello"),
        ("Auto-Submitted", "auto-replied"),
    )
    added = b"Received: from one\r\nReceived: from two\r\nAuto-Submitted: auto-replied\r\n"
    assert with_headers(RAW, told) == added + RAW


def test_where_some_of_a_name_are_missing_all_of_it_come_and_the_newest_counts() -> None:
    raw = b"Authentication-Results: old; none\r\n" + RAW
    told = headers(("Authentication-Results", "mx; dmarc=fail"), ("Authentication-Results", "old"))
    mail = message_from_bytes(with_headers(raw, told), policy=policy.default)
    assert mail["Authentication-Results"] == "mx; dmarc=fail"


@pytest.mark.parametrize("name", ["Content-Transfer-Encoding", "MIME-Version", "Content-Language"])
def test_what_tells_how_to_read_the_rest_is_the_renderings_own(name: str) -> None:
    assert with_headers(RAW, headers((name, "base64"))) == RAW


@pytest.mark.parametrize(
    "told",
    [
        {"name": "X-A B", "value": "x"},
        {"name": "X-A:", "value": "x"},
        {"name": "X-A\r\nBcc", "value": "x"},
        {"name": "", "value": "x"},
        {"name": "Über", "value": "x"},
        {"name": 1, "value": "x"},
        {"name": "X-A", "value": None},
        {"name": "X-A"},
        {},
    ],
)
def test_what_is_no_header_is_left_out(told: dict[str, object]) -> None:
    assert with_headers(RAW, [told]) == RAW


def test_a_value_beyond_ascii_is_readable() -> None:
    raw = with_headers(RAW, headers(("X-Office", "上海分公司"), ("X-Half", "a\ud800b")))
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["X-Office"] == "上海分公司"
    assert mail["X-Half"] == "a?b"


@given(st.lists(st.tuples(st.sampled_from(["X-A", "List-Id", "Received"]), st.text(max_size=3000))))
def test_no_value_ends_its_line(pairs: list[tuple[str, str]]) -> None:
    made = with_headers(RAW, headers(*pairs))
    assert made.endswith(RAW)
    mail = message_from_bytes(made, policy=policy.compat32)
    assert mail.keys() == [name for name, _ in pairs] + ["From", "Subject", "Content-Type"]
    assert mail.get_payload() == "Text: yes\r\n"
    assert not mail.defects


@given(st.binary(max_size=300))
def test_any_rendering_is_taken(raw: bytes) -> None:
    told = headers(("Auto-Submitted", "auto-replied"))
    assert with_headers(raw, told).endswith(raw)
