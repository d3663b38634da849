"""Which mails ``EwsStore`` takes for one thread."""

from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from appliance.domain.mail import MessageId
from appliance.mailbox.places import Place
from tests.ews_desk import DESK, EwsDesk, ews_desk, mails
from tests.factories import message
from tests.raw_mail import raw_mail
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda one: one.name)


@pytest.fixture
def desk(tmp_path: Path, personality: Personality) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path, personality) as opened:
        yield opened


def question(number: int) -> MessageId:
    return MessageId(f"question-{number}@customers.example")


@BOTH
def test_a_thread_is_found_by_references_and_by_the_servers_conversation(
    desk: EwsDesk,
) -> None:
    server = desk.server
    server.create_folder(DESK, "Handled")
    server.deliver(DESK, raw_mail(1), folder="Handled")
    refers = f"In-Reply-To: <{question(1)}>\nReferences: <{question(1)}>\n"
    server.person_sends(DESK, raw_mail(2, headers=refers))
    server.deliver(DESK, raw_mail(9))
    newest = f"In-Reply-To: <{question(2)}>\nReferences: <{question(1)}> <{question(2)}>\n"
    server.deliver(DESK, raw_mail(3, headers=newest))
    store = desk.store()
    (mail,) = [one for one in mails(store) if b"question-3@" in (one.raw or b"")]
    asked = message(
        mail.key, id=question(3), in_reply_to=question(2), references=(question(1), question(2))
    )
    kin = store.kin(asked, 10)
    found = {
        (message_from_bytes(one.raw or b"")["Message-ID"].strip("<>"), place) for one, place in kin
    }
    assert found == {(question(1), Place.HANDLED), (question(2), Place.SENT)}
    assert len(store.kin(asked, 1)) == 1


@BOTH
def test_a_thread_is_found_by_ids_where_nothing_else_can_be_searched_for(desk: EwsDesk) -> None:
    desk.server.deliver(DESK, raw_mail(1))
    desk.server.deliver(DESK, raw_mail(2, headers=f"References: <{question(1)}>\n"))
    store = desk.store()
    (mail,) = [one for one in mails(store) if b"question-2@" in (one.raw or b"")]
    asked = message(mail.key, id=question(2), references=(question(1),))
    desk.server.faults.plan(Fault(how="refuse", operation="FindItem", nth=2, times=2))
    (kin,) = store.kin(asked, 10)
    assert b"<question-1@customers.example>" in (kin[0].raw or b"")


@BOTH
def test_a_thread_is_found_where_conversations_cannot_be_searched_for(desk: EwsDesk) -> None:
    server = desk.server
    refers = f"References: <{question(1)}>\n"
    for number in (1, 2):
        server.deliver(DESK, raw_mail(number, headers=refers if number > 1 else ""))
    server.person_sends(DESK, raw_mail(3, headers=refers))
    server.deliver(DESK, raw_mail(4, headers=refers))
    server.deliver(DESK, raw_mail(9, headers="References: <else@customers.example>\n"))
    store = desk.store()
    (mail,) = [one for one in mails(store) if b"question-4@" in (one.raw or b"")]
    asked = message(mail.key, id=question(4), references=(question(1),))
    code = "ErrorUnsupportedPathForQuery"
    server.faults.plan(Fault(how="refuse", operation="FindItem", nth=2, code=code))
    for _ in range(2):
        kin = store.kin(asked, 10)
        found = sorted(
            message_from_bytes(one.raw or b"")["Message-ID"].strip("<>") for one, _ in kin
        )
        assert found == [question(1), question(2), question(3)]
    assert store.kin(message("elsewhere", id=question(7)), 10) == []
