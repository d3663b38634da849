from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.config.settings import Office
from appliance.domain.draft import ENGINE, Draft, Reply
from appliance.domain.mail import Address, Correspondent, Message, MessageId
from appliance.flow.reply import references, reply_id, reply_subject, write_reply

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
OFFICE = Office(
    name="湖畔书店", addresses=(Address("desk@office.example.com"),), signature="湖畔书店客服"
)
CUSTOMER = Correspondent(name="Ida Sample", address=Address("ida@customers.example"))


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "mailbox": "desk",
        "uid": "1",
        "id": MessageId("question@customers.example"),
        "sender": CUSTOMER,
        "subject": "Opening hours",
    }
    return Message(**{**values, **changes})


def draft(text: str = "We open at nine.", language: str = "en", version: int = 1) -> Draft:
    return Draft(version=version, author=ENGINE, text=text, language=language, created=NOW)


def reply(
    *, automatic: bool = False, office: Office = OFFICE, language: str = "en", **changes: Any
) -> Reply:
    return write_reply(
        message=message(**changes),
        draft=draft(language=language),
        office=office,
        now=NOW,
        automatic=automatic,
    )


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Opening hours", "Re: Opening hours"),
        ("RE: Opening hours", "Re: Opening hours"),
        ("Re: AW: Re[2]: Opening hours", "Re: Opening hours"),
        ("答复: 回复：退货", "Re: 退货"),
        ("回覆: 退貨", "Re: 退貨"),
        ("Reference: a book", "Re: Reference: a book"),
        ("", "Re:"),
        ("two\r\nBcc: lines@customers.example", "Re: two Bcc: lines@customers.example"),
    ],
)
def test_a_subject_says_re_once(subject: str, expected: str) -> None:
    assert reply_subject(subject) == expected


def test_the_same_version_always_has_the_same_id_and_another_version_another() -> None:
    assert reply_id(message(), OFFICE, 1) == reply_id(message(), OFFICE, 1)
    assert reply_id(message(), OFFICE, 1) != reply_id(message(), OFFICE, 2)
    assert reply_id(message(), OFFICE, 1) != reply_id(message(mailbox="other"), OFFICE, 1)
    assert reply_id(message(), OFFICE, 1).endswith("@office.example.com")


def test_the_answer_goes_to_reply_to_where_it_names_one_and_else_to_the_author() -> None:
    other = Correspondent(name="", address=Address("assistant@customers.example"))
    assert reply().recipient == CUSTOMER.address
    assert reply(reply_to=(other,)).recipient == other.address
    assert reply(reply_to=(other, CUSTOMER)).recipient == CUSTOMER.address


def test_an_automatic_answer_is_marked_and_disclosed_in_its_language() -> None:
    chinese = reply(automatic=True, language="zh-Hans")
    assert ("Auto-Submitted", "auto-replied") in chinese.headers
    assert OFFICE.disclosure["zh-Hans"] in chinese.text
    assert OFFICE.disclosure["en"] in reply(automatic=True, language="nl").text


def test_what_a_person_approved_carries_no_automatic_mark_and_no_disclosure() -> None:
    plain = reply()
    assert all(name != "Auto-Submitted" for name, _ in plain.headers)
    assert not any(line in plain.text for line in OFFICE.disclosure.values())
    assert ("X-Auto-Response-Suppress", "All") in plain.headers
    assert plain.text == "We open at nine.\n\n湖畔书店客服\n"


def test_references_grow_by_the_answered_mail_and_keep_the_first_and_the_last() -> None:
    ids = tuple(MessageId(f"{number}@customers.example") for number in range(40))
    chain = references(message(references=ids))
    assert len(chain) == 20
    assert chain[0] == ids[0]
    assert chain[-2:] == (ids[-1], MessageId("question@customers.example"))


def test_references_begin_with_in_reply_to_where_the_mail_has_no_references() -> None:
    earlier = MessageId("earlier@customers.example")
    assert references(message(in_reply_to=earlier)) == (
        earlier,
        MessageId("question@customers.example"),
    )


def test_a_mail_without_an_id_is_answered_without_a_thread() -> None:
    lone = reply(id_given=False)
    assert lone.in_reply_to is None
    assert lone.references == ()
