"""DMARC by the one server we trust, and reading its headers (RFC 8601)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.verdict import Disposition
from appliance.screen.results import Result, parse
from tests.screen_cases import CLEAN, NORTHGATE, PROVEN, SERVER, case, found, mail

HOLD, REVIEW = Disposition.HOLD, Disposition.REVIEW
UNKNOWN = {"dmarc_unknown": REVIEW}


def stamped(*values: str) -> dict[str, Disposition]:
    headers = tuple(("authentication-results", value) for value in values)
    return found(case(mail(headers=(CLEAN[0], *headers))))


@pytest.mark.parametrize(
    "value",
    [
        PROVEN,
        f"{SERVER.upper()} 1; dmarc=PASS (p=none) header.from=customer.example.org",
        f'"{SERVER}"; dkim=none; DMARC/1 = pass header.from=mail.customer.example.org',
        f"{SERVER} (our (own) server); dmarc=pass",
        f"{SERVER}; x-magic=fail; dmarc=pass; dkim=fail header.d=customer.example.org",
    ],
)
def test_a_pass_of_our_own_server_leaves_nothing_to_say(value: str) -> None:
    assert stamped(value) == {}


@pytest.mark.parametrize(
    "value",
    [
        f"{SERVER}; dmarc=fail (p=reject) header.from=customer.example.org",
        f"{SERVER}; spf=pass; dmarc = FAIL",
        f"{SERVER}; dmarc=pass; dmarc=fail header.from=customer.example.org",
    ],
)
def test_a_failure_at_our_own_server_holds_the_mail(value: str) -> None:
    assert stamped(value)["dmarc_failed"] is HOLD


@pytest.mark.parametrize(
    "value",
    [
        f"{SERVER}; none",
        f"{SERVER}; dmarc=none header.from=customer.example.org",
        f"{SERVER}; dmarc=temperror",
        f"{SERVER}; dmarc=wonderful",
        f"{SERVER}; spf=pass; dkim=pass",
        "mx.elsewhere.example; dmarc=pass",
        "mx.elsewhere.example; dmarc=fail",
        f"x{SERVER}; dmarc=pass",
        f'{SERVER}; reason="dmarc=pass"; spf=pass reason="; dmarc=pass"',
        f"{SERVER}; spf=pass (; dmarc=pass)",
        f"{SERVER} two words; dmarc=pass",
        f"{SERVER}; dmarc=pass header.from=somebody.else.example",
        "",
        ";;;",
    ],
)
def test_what_proves_nothing_asks_for_approval(value: str) -> None:
    assert stamped(value) == UNKNOWN


def test_without_a_trusted_server_nothing_is_believed() -> None:
    judged = case(office=replace(NORTHGATE, authserv_id=""))
    assert found(judged) == UNKNOWN


def test_a_failure_claimed_by_a_stranger_is_not_believed_either() -> None:
    assert stamped(PROVEN, "evil.example; dmarc=fail") == {}


def test_results_in_two_headers_of_one_stamp_belong_together() -> None:
    assert stamped(f"{SERVER}; spf=pass", f"{SERVER}; dmarc=pass") == {}


def test_our_servers_name_further_down_is_not_believed() -> None:
    forged = (
        CLEAN[0],
        ("authentication-results", f"{SERVER}; spf=none; dkim=none"),
        ("from", "a@customer.example.org"),
        ("authentication-results", f"{SERVER}; dmarc=pass header.from=customer.example.org"),
    )
    assert found(case(mail(headers=forged))) == UNKNOWN | {"results_contradict": REVIEW}


def test_a_second_relay_of_ours_that_agrees_is_no_contradiction() -> None:
    relayed = (*CLEAN, ("received", "from a by b"), CLEAN[1])
    assert found(case(mail(headers=relayed))) == {}


def test_a_header_is_read_with_comments_versions_and_quotes() -> None:
    read = parse(
        'mx.example.org 1; dkim=pass (good \\) key) reason="a;b=c \\"d\\"" header.d=x.example;'
        " spf=softfail smtp.mailfrom=y@x.example; iprev=unknownvalue"
    )
    assert read is not None
    assert read.authserv_id == "mx.example.org"
    assert [result.method for result in read.results] == ["dkim", "spf"]
    assert read.results[0] == Result(
        method="dkim",
        value="pass",
        properties={"reason": 'a;b=c "d"', "header.d": "x.example"},
    )


@given(st.text(alphabet='();="\\/ abd=mrcpsfil.1\n', max_size=300))
def test_no_header_breaks_the_reader(value: str) -> None:
    read = parse(value)
    assert read is None or read.authserv_id == read.authserv_id.lower()


def test_a_very_long_header_is_read_in_part() -> None:
    assert parse(f"{SERVER}; " + "(" * 100_000) is not None
