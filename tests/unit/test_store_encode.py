"""What is stored comes back equal, whatever stands in a mail."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.draft import Draft, Reply
from appliance.domain.mail import Attachment, Correspondent, Message
from appliance.domain.verdict import Disposition, Finding
from appliance.store.encode import StoredUnreadable, body, moment, read, when
from tests.factories import draft, finding, message, reply

TEXT = st.text(max_size=40)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATES = st.datetimes(timezones=ZONES)
PERSONS = st.builds(Correspondent, name=TEXT, address=TEXT)
MESSAGES = st.builds(
    Message,
    mailbox=TEXT,
    uid=TEXT,
    id=TEXT,
    in_reply_to=st.none() | TEXT,
    references=st.lists(TEXT, max_size=3).map(tuple),
    date=st.none() | DATES,
    sender=PERSONS,
    to=st.lists(PERSONS, max_size=2).map(tuple),
    headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    text=TEXT,
    hidden=st.lists(TEXT, max_size=2).map(tuple),
    attachments=st.lists(
        st.builds(Attachment, name=TEXT, media_type=TEXT, size=st.integers(0, 2**40)), max_size=2
    ).map(tuple),
)
FINDINGS = st.lists(
    st.builds(
        Finding,
        rule=TEXT,
        disposition=st.sampled_from(Disposition),
        reason=TEXT,
        span=st.none() | st.tuples(st.integers(0, 9999), st.integers(0, 9999)),
    ),
    max_size=3,
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(MESSAGES)
def test_a_message_comes_back_equal(mail: Message) -> None:
    assert read(body(mail), Message) == mail


@settings(max_examples=60, deadline=None)
@given(FINDINGS)
def test_findings_come_back_equal(findings: tuple[Finding, ...]) -> None:
    back = read(body(findings), tuple[Finding, ...])
    assert back == findings
    assert all(isinstance(each.disposition, Disposition) for each in back)


@settings(max_examples=60, deadline=None)
@given(DATES.filter(lambda date: 1 < date.year < 9999))
def test_a_moment_is_exact_to_the_microsecond(date: datetime) -> None:
    assert when(moment(date)) == date
    assert moment(date + timedelta.resolution) == moment(date) + 1


def test_a_time_without_a_zone_is_taken_for_utc() -> None:
    assert moment(datetime(1970, 1, 1, 0, 0, 1)) == 1_000_000  # noqa: DTZ001 - what is tested


def test_drafts_and_replies_come_back_equal() -> None:
    person = draft(2, author="mei", completion=None, passages=())
    assert [read(body(each), Draft) for each in (draft(), person)] == [draft(), person]
    assert read(body(reply()), Reply) == reply()


def test_a_draft_of_an_earlier_version_of_the_program_can_be_read() -> None:
    stored = json.loads(body(draft()))
    del stored["distance"]
    assert read(json.dumps(stored), Draft) == draft()
    measured = draft(2, distance=0.25)
    assert read(body(measured), Draft) == measured


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mailbox": 3}', "{}"])
def test_what_is_no_message_is_said_to_be_unreadable(text: str) -> None:
    with pytest.raises(StoredUnreadable):
        read(text, Message)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        body(message(text="\udce4"))


def test_a_finding_keeps_its_place() -> None:
    placed = (finding(span=(3, 9)),)
    assert read(body(placed), tuple[Finding, ...]) == placed
