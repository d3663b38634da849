"""What lies in an inbox of Exchange and is no mail, or a mail of another kind."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from appliance.domain.mail import Message
from appliance.domain.verdict import Disposition
from appliance.mailbox.store_account import mailbox_over
from appliance.mailbox.store_mailbox import StoreMailbox
from tests.ews_desk import DESK, EwsDesk, ews_desk
from tests.fakes import NOON
from tests.raw_mail import raw_mail

MEETINGS: Final = (
    "IPM.Schedule.Meeting.Request",
    "IPM.Schedule.Meeting.Resp.Pos",
    "IPM.Schedule.Meeting.Canceled",
    "IPM.Schedule.Meeting.Notification.Forward",
    "IPM.Appointment",
    "IPM.Post",
)
"""What a server writes down as MIME."""

OTHERS: Final = ("IPM.Task", "IPM.Contact", "IPM.DistList", "IPM.AbchPerson")

REQUEST: Final = (
    b"From: a@customers.example\r\nTo: desk@office.example.com\r\nSubject: A meeting\r\n"
    b"Message-ID: <meeting@customers.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="edge"\r\n\r\n'
    b"--edge\r\nContent-Type: text/plain\r\n\r\nCome at ten.\r\n"
    b"--edge\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n"
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n--edge--\r\n"
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path) as opened:
        yield opened


def opened(desk: EwsDesk) -> StoreMailbox:
    return mailbox_over(desk.store(), desk.settings(), box="box-1", clock=desk.clock)


def deliver(desk: EwsDesk, raw: bytes, item_class: str, number: int) -> str:
    ref = desk.server.deliver(DESK, raw, received=NOON + timedelta(seconds=number))
    desk.server.edit(ref, item_class=item_class)
    return ref


def test_whatever_lies_in_an_inbox_keeps_no_mail_back(desk: EwsDesk) -> None:
    mailbox = opened(desk)
    cursor = mailbox.fetch(None, 50).cursor
    for number, kind in enumerate((*OTHERS, *MEETINGS, "IPM.Note")):
        deliver(desk, raw_mail(number), kind, number)
    seen: list[Message] = []
    unreadable: list[str] = []
    while True:
        batch = mailbox.fetch(cursor, 50)
        if not batch.messages and not batch.unreadable:
            break
        seen += batch.messages
        unreadable += [uid for uid, _ in batch.unreadable]
        cursor = batch.cursor
    assert len(seen) == len(MEETINGS) + 1
    assert len(set(unreadable)) == len(OTHERS)


def test_they_are_there_at_the_first_look_too(desk: EwsDesk) -> None:
    for number, kind in enumerate((*OTHERS, *MEETINGS, "IPM.Note")):
        deliver(desk, raw_mail(number), kind, number)
    batch = opened(desk).fetch(None, 50)
    assert len(batch.messages) == len(MEETINGS) + 1
    assert len(batch.unreadable) == len(OTHERS)


def test_a_meeting_request_is_known_as_one_and_can_be_filed(desk: EwsDesk) -> None:
    deliver(desk, REQUEST, "IPM.Schedule.Meeting.Request", 1)
    mailbox = opened(desk)
    (message,) = mailbox.fetch(None, 10).messages
    assert "text/calendar; method=request" in message.parts
    mailbox.file(message, Disposition.STOP)
    assert desk.server.lying(DESK, "Inbox") == []
