"""Each habit in which Exchange and grommunio differ is a switch of the loopback EWS server."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from exchangelib import Message
from exchangelib.errors import (
    ErrorInvalidRecipients,
    ErrorItemNotFound,
    TransportError,
)
from exchangelib.items import SEND_AND_SAVE_COPY

from tests.servers.ews import EXCHANGE, GROMMUNIO, Personality
from tests.servers.ews_client import BOX, Site, draft, mail, properties, together

COPIED = {"x_mark": "wert", "x_message_id": "<ours@office.example.com>"}


@pytest.fixture(autouse=True, scope="module")
def _properties() -> Iterator[None]:
    with properties():
        yield


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path, monkeypatch)
    yield site
    site.close()


def both(switch: str) -> pytest.MarkDecorator:
    """Exchange as it is, and Exchange with grommunio's setting of one switch."""
    assert getattr(EXCHANGE, switch) != getattr(GROMMUNIO, switch)
    changed = replace(EXCHANGE, **{switch: getattr(GROMMUNIO, switch)})
    return pytest.mark.parametrize("personality", [EXCHANGE, changed], ids=["Exchange", switch])


def test_the_two_personalities_differ_in_nearly_everything() -> None:
    same = [
        field.name
        for field in fields(Personality)
        if getattr(EXCHANGE, field.name) == getattr(GROMMUNIO, field.name)
    ]
    assert same == ["keeps_message_id"]


@both("replies")
def test_a_reply_is_made_as_a_draft_that_quotes_and_threads(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.deliver(BOX, mail(1, more="References: <m0@client.example>\r\n", subject="AW: Frage"))
    account = site.account(server)
    original = account.inbox.get(message_id="<m1@client.example>")
    reply = original.create_reply("Re: Frage", "Danke")
    if not personality.replies:
        with pytest.raises(TransportError):
            reply.save(account.drafts)
        assert account.drafts.all().count() == 0
        return
    made = account.drafts.get(id=reply.save(account.drafts).id)
    assert made.in_reply_to == "<m1@client.example>"
    assert made.references == "<m0@client.example> <m1@client.example>"
    assert made.conversation_id == original.conversation_id
    assert made.body.startswith("Danke\r\n")
    assert "Hallo 1, 您好" in made.body
    assert made.to_recipients[0].email_address == "anna1@client.example"


@both("marks_replied")
def test_a_reply_that_left_marks_the_mail_it_answers(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    server.deliver(BOX, mail(1))
    account = site.account(server)
    original = account.inbox.get(message_id="<m1@client.example>")
    made = original.create_reply("Re: Frage", "Danke").save(account.drafts)
    account.drafts.get(id=made.id).send()
    verb = account.inbox.get(id=original.id).x_last_verb
    assert verb == (102 if personality.marks_replied else None)


@both("send_item_answers")
def test_send_item_answers_or_says_nothing_the_library_understands(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    made = draft(site.account(server))
    if personality.send_item_answers:
        made.send()
    else:
        with pytest.raises(TransportError, match="Empty ResponseCode"):
            made.send()
    assert len(server.posted) == 1


@both("send_item_files")
def test_send_item_moves_the_draft_or_sends_it_each_time(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    first = draft(account, **COPIED)
    again = account.drafts.get(id=first.id)
    first.send()
    if not personality.send_item_files:
        again.send()
        assert (len(server.posted), account.sent.all().count()) == (2, 0)
        assert account.drafts.all().count() == 1
        return
    with pytest.raises(ErrorItemNotFound):
        again.send()
    [sent] = account.sent.all()
    assert (len(server.posted), account.drafts.all().count()) == (1, 0)
    assert {name: getattr(sent, name) for name in COPIED} == COPIED
    assert sent.id != again.id


@pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda each: each.name)
def test_update_item_that_sends_finds_no_draft_the_second_time(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account, **COPIED)
    again = account.drafts.get(id=made.id)
    for each in (made, again):
        found = account.bulk_update([(each, ["subject"])], message_disposition=SEND_AND_SAVE_COPY)
        if each is again:
            assert [type(error) for error in found] == [ErrorItemNotFound]
    [sent] = account.sent.all()
    assert {name: getattr(sent, name) for name in COPIED} == COPIED
    assert len(server.posted) == 1


@both("sends_serially")
def test_two_sends_at_once_make_one_mail_or_two(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account)
    twins = [made, account.drafts.get(id=made.id)]
    server.gather_sends(2)

    def send(item: Any) -> Any:
        return account.bulk_update(
            [(item, ["subject"])],
            message_disposition=SEND_AND_SAVE_COPY,
            conflict_resolution="AlwaysOverwrite",
        )

    results = together(*(lambda item=item: send(item) for item in twins))
    errors = [type(each) for result in results for each in result]  # type: ignore[attr-defined]
    assert errors == ([ErrorItemNotFound] if personality.sends_serially else [])
    assert len(server.posted) == (1 if personality.sends_serially else 2)
    assert account.sent.all().count() == 1


@both("copies_before_sending")
def test_a_mail_that_smtp_refuses_lies_in_sent_items_or_does_not(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.refused_by_smtp.add("anna@client.example")
    account = site.account(server)
    unsaved = Message(
        account=account,
        folder=account.sent,
        subject="Neu",
        body="x",
        to_recipients=["anna@client.example"],
    )
    with pytest.raises(ErrorInvalidRecipients):
        unsaved.send_and_save()
    assert server.posted == []
    assert account.sent.all().count() == int(personality.copies_before_sending)


@both("names_sent_draft")
def test_update_item_that_sends_answers_with_an_id_or_none(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account)
    if personality.names_sent_draft:
        with pytest.raises(ValueError, match="Expected result length 0"):
            made.send_and_save(update_fields=["subject"])
    else:
        made.send_and_save(update_fields=["subject"])
    assert len(server.posted) == 1
    assert account.sent.all().count() == 1


@both("clears_draft_first")
def test_what_smtp_refuses_lies_in_drafts_as_a_draft_or_as_none(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.refused_by_smtp.add("anna@client.example")
    account = site.account(server)
    made = draft(account)
    with pytest.raises(ErrorInvalidRecipients):
        made.send_and_save(update_fields=["subject"])
    assert account.drafts.get(id=made.id).is_draft != personality.clears_draft_first
    assert server.posted == []
    server.refused_by_smtp.clear()
    account.drafts.get(id=made.id).send_and_save(update_fields=["subject"])
    assert len(server.posted) == 1
