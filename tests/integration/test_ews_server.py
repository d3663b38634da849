"""The loopback EWS server keeps to what exchangelib, unmodified, expects of Exchange and grommunio."""

import base64
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exchangelib import (
    Folder,
    Q,
)
from exchangelib.errors import (
    ErrorFolderExists,
    ErrorInvalidIdMalformed,
    ErrorItemNotFound,
)
from exchangelib.items import SEND_AND_SAVE_COPY

from tests.servers.ews import EXCHANGE, GROMMUNIO, Personality
from tests.servers.ews_client import BOX, Site, ask, draft, mail, properties

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda each: each.name)
LISTED = ["message_id", "datetime_received", "x_mark", "x_last_verb", "is_read"]


@pytest.fixture(autouse=True, scope="module")
def _properties() -> Iterator[None]:
    with properties():
        yield


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path, monkeypatch)
    yield site
    site.close()


def changes(folder: Any, state: str | None = None, most: int = 100) -> tuple[list[Any], str]:
    """What one whole synchronisation tells, and the state after it."""
    found = list(folder.sync_items(sync_state=state, only_fields=LISTED, max_changes_returned=most))
    return found, folder.item_sync_state


@BOTH
def test_a_mail_is_listed_and_read_with_its_headers(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    server.deliver(BOX, mail(1, more="Auto-Submitted: auto-replied\r\nX-Loop: yes\r\n"))
    item = site.account(server).inbox.get(message_id="<m1@client.example>")
    headers = {header.name: header.value for header in item.headers}
    assert headers["Auto-Submitted"] == "auto-replied"
    assert headers["X-Loop"] == "yes"
    assert "with ESMTP id" in headers["Received"]
    assert item.body == "Hallo 1, 您好\r\n"
    assert item.subject == "Frage 1"
    assert item.author.email_address == "anna1@client.example"
    assert [box.email_address for box in item.to_recipients] == [BOX]
    assert b"Hallo 1" in item.mime_content
    assert "Auto-Submitted: auto-replied\r\n" in item.x_transport
    assert item.x_automatic == "auto-replied"
    assert not item.is_read
    assert not item.is_draft
    assert server.lying(BOX, "Inbox") == [
        mail(1, more="Auto-Submitted: auto-replied\r\nX-Loop: yes\r\n")
    ]


@BOTH
def test_a_first_look_is_given_in_pages_of_512_at_most(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.deliver_many(BOX, [mail(number) for number in range(520)])
    account = site.account(server)
    told, _ = changes(account.inbox, most=512)
    ids = [item.message_id for kind, item in told if kind == "create"]
    wanted = [f"<m{number}@client.example>" for number in range(520)]
    assert ids == (wanted[::-1] if personality.newest_first else wanted)
    pages = [each for each in server.requests if each.operation == "SyncFolderItems"]
    assert len(pages) == 2


@BOTH
def test_two_thousand_mails_are_found_and_read_in_chunks(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.deliver_many(BOX, [mail(number) for number in range(2000)])
    account = site.account(server)
    ids = list(account.inbox.all().values_list("id", "changekey"))
    read = list(account.fetch(ids, only_fields=["headers", "mime_content"]))
    assert len({item.id for item in read}) == 2000
    assert all(item.mime_content for item in read)
    asked = Counter(each.operation for each in server.requests)
    assert (asked["FindItem"], asked["GetItem"]) == (20, 20)


@BOTH
def test_what_happens_after_a_state_is_told_once(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    kept, edited, read, moved, gone = server.deliver_many(BOX, [mail(n) for n in range(5)])
    account = site.account(server)
    _, state = changes(account.inbox)
    server.edit(edited, categories=["Beantwortet"])
    server.edit(read, read=True)
    server.move(moved, "Junk")
    server.delete(gone)
    new = server.deliver(BOX, mail(9))
    server.delete(server.deliver(BOX, mail(10)))
    told, later = changes(account.inbox, state)
    assert kept not in str(told)
    flags = [what for kind, what in told if kind == "read_flag_change"]
    assert [(what[0].id, what[1]) for what in flags] == [(read, True)]
    others = {(kind, what.id) for kind, what in told if kind != "read_flag_change"}
    assert others == {("update", edited), ("delete", moved), ("delete", gone), ("create", new)}
    assert changes(account.inbox, later) == ([], later)


@BOTH
def test_changes_come_in_pages_and_none_is_lost(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    _, state = changes(account.inbox)
    for number in range(25):
        item = server.deliver(BOX, mail(number))
        server.edit(item, categories=[str(number)])
    told, _ = changes(account.inbox, state, most=10)
    created = [item.message_id for kind, item in told if kind == "create"]
    assert created == [f"<m{number}@client.example>" for number in range(25)]


@BOTH
def test_moving_there_and_back_changes_the_id_and_keeps_the_search_key(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    first = server.deliver(BOX, mail(1))
    account = site.account(server)
    handled = Folder(parent=account.msg_folder_root, name="Handled")
    handled.save()
    item = account.inbox.get(id=first)
    key = item.x_search_key
    item.move(handled)
    assert handled.get(id=item.id).x_search_key == key
    item.move(account.inbox)
    assert item.id != first
    assert account.inbox.get(id=item.id).x_search_key == key
    with pytest.raises(ErrorItemNotFound):
        account.inbox.get(id=first)
    with pytest.raises(ErrorFolderExists):
        Folder(parent=account.msg_folder_root, name="handled").save()


@BOTH
def test_restrictions_find_what_they_say(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    now = datetime.now(UTC)
    for number in range(4):
        answered = f"In-Reply-To: <m{number - 1}@client.example>\r\n" if number % 2 else ""
        server.deliver(BOX, mail(number, more=answered), received=now - timedelta(days=10 - number))
    account = site.account(server)
    inbox = account.inbox
    first = inbox.get(message_id="<m0@client.example>")
    first.x_mark = "eins"
    first.x_last_verb = 102
    first.save(update_fields=["x_mark", "x_last_verb"])

    def found(*tests: Any, **more: Any) -> list[str]:
        return [each.subject[-1] for each in inbox.filter(*tests, **more).order_by("subject")]

    assert found(x_message_id="<m2@client.example>") == ["2"]
    assert found(x_mark="eins") == ["0"]
    assert found(x_mark__exists=True) == ["0"]
    assert found(x_last_verb=102) == ["0"]
    assert found(~Q(x_mark__exists=True)) == ["1", "2", "3"]
    assert found(conversation_id=first.conversation_id) == ["0", "1"]
    assert found(datetime_received__gte=now - timedelta(days=8, hours=1)) == ["2", "3"]
    assert found(datetime_received__lt=now - timedelta(days=8, hours=1)) == ["0", "1"]
    assert found(Q(subject__contains="2") | Q(subject__icontains="FRAGE 3")) == ["2", "3"]
    assert found(subject__startswith="Frage", is_read=False, x_mark="eins") == ["0"]
    newest = inbox.all().order_by("-datetime_received").only("subject")[:2]
    assert [each.subject for each in newest] == ["Frage 3", "Frage 2"]
    assert inbox.all().count() == 4


@BOTH
def test_our_properties_are_found_in_every_list_and_stay_in_sent_items(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(
        account, x_mark="wert", x_message_id="<ours@office.example.com>", x_automatic="auto-replied"
    )
    told, _ = changes(account.drafts)
    assert [item.x_mark for _, item in told] == ["wert"]
    account.bulk_update([(made, ["subject"])], message_disposition=SEND_AND_SAVE_COPY)
    assert account.drafts.all().count() == 0
    [sent] = account.sent.filter(x_mark="wert").only("x_message_id", "is_draft", "message_id")
    assert sent.x_message_id == sent.message_id == "<ours@office.example.com>"
    assert not sent.is_draft
    [posted] = server.posted
    assert posted.recipients == ("anna@client.example",)
    assert b"Message-ID: <ours@office.example.com>\r\n" in posted.raw
    assert b"Auto-Submitted: auto-replied\r\n" in posted.raw
    assert posted.raw in server.lying(BOX, "Sent")


@BOTH
def test_what_we_send_to_ourselves_arrives(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account, to_recipients=[BOX], x_mark="inside")
    account.bulk_update([(made, ["subject"])], message_disposition=SEND_AND_SAVE_COPY)
    arrived = account.inbox.get(subject="Re: Frage")
    assert arrived.x_mark is None
    assert server.person_sends(BOX, mail(7)) in {item.id for item in account.sent.all()}


def test_a_plain_connection_and_names_of_another_language_are_possible(site: Site) -> None:
    server = site.server(EXCHANGE, tls=False, folder_names={"inbox": "收件箱"})
    server.deliver(BOX, mail(1))
    assert server.url.startswith("http://")
    account = site.account(server)
    assert (account.inbox.name, account.inbox.total_count) == ("收件箱", 1)
    assert len(server.lying(BOX, "Inbox")) == 1


def test_what_nobody_offers_is_a_fault(site: Site) -> None:
    server = site.server(EXCHANGE)
    answer = ask(server, "<m:PlayOnPhone/>")
    assert answer.status_code == 500
    assert "Fault" in answer.text
    assert "ErrorSchemaValidation" in answer.text
    assert ask(server, "<m:PlayOnPhone").status_code == 400
    with pytest.raises(ErrorInvalidIdMalformed):
        site.account(server).inbox.get(id="no-id-of-ours")


def test_no_password_and_no_mail_gets_into_a_log(
    site: Site, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    server = site.server(EXCHANGE)
    server.deliver(BOX, mail(1))
    with caplog.at_level(logging.DEBUG):
        answer = ask(server, "<m:GetFolder/>")
    printed = "".join(capsys.readouterr())
    assert answer.status_code == 200
    for secret in ("Hallo", "secret", base64.b64encode(b"desk:secret").decode()):
        assert secret not in caplog.text + printed
