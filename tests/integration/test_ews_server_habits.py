"""Further habits in which Exchange and grommunio differ, each a switch of the EWS server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchangelib import FileAttachment, Message, Q
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorChangeKeyRequired,
    ErrorChangeKeyRequiredForWriteOperations,
    ErrorInvalidSyncStateData,
    ErrorIrresolvableConflict,
    ErrorNonExistentMailbox,
    ErrorSchemaValidation,
    ErrorServerBusy,
    MalformedResponseError,
    TransportError,
)
from exchangelib.items import NEVER_OVERWRITE

from tests.servers.ews import EXCHANGE, GROMMUNIO, Personality
from tests.servers.ews_client import BOX, OTHER, Site, ask, draft, mail, properties
from tests.servers.ews_faults import Fault

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


@both("attaches")
def test_an_attachment_leaves_with_the_mail_or_is_lost(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account)
    made.attach(FileAttachment(name="preis.csv", content=b"a;b"))
    [attached] = account.drafts.get(id=made.id).attachments
    assert attached.content == b"a;b"
    made.send()
    assert (b'filename="preis.csv"' in server.posted[0].raw) == personality.attaches


@both("takes_message_id")
def test_a_message_id_is_taken_as_a_field_or_only_by_its_tag(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    by_field = draft(account, message_id="<field@office.example.com>")
    by_tag = draft(account, x_message_id="<tag@office.example.com>")
    taken = account.drafts.get(id=by_field.id).message_id == "<field@office.example.com>"
    assert taken == personality.takes_message_id
    assert account.drafts.get(id=by_tag.id).message_id == "<tag@office.example.com>"


@pytest.mark.parametrize("keeps", [True, False])
def test_a_message_id_of_ours_is_kept_on_sending_or_replaced(site: Site, keeps: bool) -> None:
    server = site.server(replace(EXCHANGE, keeps_message_id=keeps))
    account = site.account(server)
    draft(account, **COPIED).send()
    [sent] = account.sent.filter(x_mark="wert")
    assert (sent.message_id == COPIED["x_message_id"]) == keeps
    assert f"Message-ID: {sent.message_id}\r\n".encode() in server.posted[0].raw


@both("original_mime")
def test_mime_has_every_header_or_lacks_those_that_matter(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    more = (
        "Auto-Submitted: auto-replied\r\nList-Id: <liste.example>\r\nPrecedence: bulk\r\n"
        "Authentication-Results: mx.example.com;\r\n dmarc=pass\r\nX-Mine: ja\r\n"
    )
    server.deliver(BOX, mail(1, more=more))
    item = site.account(server).inbox.get(message_id="<m1@client.example>")
    names = ("Auto-Submitted", "List-Id", "Precedence", "Authentication-Results", "Received")
    for name in names:
        assert (f"{name}:".encode() in item.mime_content) == personality.original_mime
        assert name in {header.name for header in item.headers}
    assert (b"dmarc=pass" in item.mime_content) == personality.original_mime
    assert b"X-Mine: ja\r\n" in item.mime_content
    assert item.mime_content.endswith("\r\n\r\nHallo 1, 您好\r\n".encode())


@both("imports_headers")
def test_imported_mime_keeps_unknown_headers_or_needs_properties(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server)
    content = mail(5, more="Auto-Submitted: auto-replied\r\n").replace(
        BOX.encode(), b"anna@client.example"
    )
    for properties_of_ours in ({}, {"x_automatic": "auto-replied"}):
        made = Message(
            account=account,
            folder=account.drafts,
            mime_content=content,
            author=BOX,
            **properties_of_ours,
        ).save()
        account.drafts.get(id=made.id).send()
    there = [b"Auto-Submitted: auto-replied\r\n" in posted.raw for posted in server.posted]
    assert there == [personality.imports_headers, True]
    for posted in server.posted:
        assert posted.recipients == ("anna@client.example",)
        assert b"Message-ID: <m5@client.example>\r\n" in posted.raw
        assert "Hallo 5, 您好".encode() in posted.raw


@both("text_body")
def test_the_text_body_is_there_or_only_the_body(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    server.deliver(BOX, mail(1))
    item = site.account(server).inbox.get(message_id="<m1@client.example>")
    assert item.text_body == ("Hallo 1, 您好\r\n" if personality.text_body else None)
    assert item.body == "Hallo 1, 您好\r\n"


@both("fraction_digits")
def test_times_have_whole_seconds_or_nine_digits_that_the_library_drops(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.deliver(BOX, mail(1))
    item = site.account(server).inbox.get(message_id="<m1@client.example>")
    assert (item.datetime_received is None) == (personality.fraction_digits == 9)


@both("checks_change_keys")
def test_a_stale_change_key_is_refused_or_ignored(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account)
    stale = account.drafts.get(id=made.id)
    server.edit(made.id, subject="Re: Frage (geändert)")
    unkeyed = Message(account=account, id=made.id, subject="Ohne Schlüssel")

    def update(item: Any, how: str, field: str) -> Any:
        [found] = account.bulk_update([(item, [field])], conflict_resolution=how)
        return found

    stale.categories = ["Andere Eigenschaft"]
    assert update(stale, "AutoResolve", "categories")[0] == made.id
    if not personality.checks_change_keys:
        assert update(stale, NEVER_OVERWRITE, "subject")[0] == made.id
        assert update(unkeyed, NEVER_OVERWRITE, "subject")[0] == made.id
        stale.send()
        assert len(server.posted) == 1
        return
    for how in ("AutoResolve", NEVER_OVERWRITE):
        with pytest.raises(ErrorIrresolvableConflict):
            update(stale, how, "subject")
    with pytest.raises(ErrorChangeKeyRequiredForWriteOperations):
        update(unkeyed, NEVER_OVERWRITE, "subject")
    with pytest.raises(ErrorIrresolvableConflict):
        stale.send()
    with pytest.raises(ErrorChangeKeyRequired):
        unkeyed.send()
    assert update(stale, "AlwaysOverwrite", "subject")[0] == made.id
    assert server.posted == []


@both("clips_pages")
def test_more_than_512_changes_are_refused_or_clipped(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    server.deliver_many(BOX, [mail(number) for number in range(514)])
    inbox = site.account(server).inbox
    told = inbox.sync_items(only_fields=["subject"], max_changes_returned=513)
    if not personality.clips_pages:
        with pytest.raises(ErrorSchemaValidation):
            list(told)
        return
    assert len(list(told)) == 514
    assert [each.operation for each in server.requests].count("SyncFolderItems") == 2


@both("shaped_refusals")
def test_a_refused_synchronisation_is_understood_or_trips_the_library(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    inbox = site.account(server).inbox
    assert server.access is not None
    server.access["desk"].clear()
    server.homes["desk"] = OTHER
    with pytest.raises(ErrorAccessDenied if personality.shaped_refusals else AttributeError):
        list(inbox.sync_items(only_fields=["subject"]))


@both("no_mailbox")
def test_an_address_without_mailbox_has_a_code_the_library_knows_or_not(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    account = site.account(server, "nobody@office.example.com")
    wanted = ErrorNonExistentMailbox if personality == EXCHANGE else TransportError
    with pytest.raises(wanted) as raised:
        _ = account.inbox
    assert type(raised.value) is wanted


@both("refuses_states")
def test_a_bad_state_is_refused_or_replays_everything(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    server.deliver_many(BOX, [mail(1), mail(2)])
    inbox = site.account(server).inbox
    assert len(list(inbox.sync_items(only_fields=["subject"]))) == 2
    state = inbox.item_sync_state
    server.forget_sync_states()
    if personality.refuses_states:
        with pytest.raises(ErrorInvalidSyncStateData):
            list(inbox.sync_items(sync_state=state, only_fields=["subject"]))
    else:
        assert len(list(inbox.sync_items(sync_state=state, only_fields=["subject"]))) == 2


@both("query_strings")
def test_a_query_string_is_honoured_or_ignored(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    server.deliver_many(BOX, [mail(1), mail(2, subject="Preis"), mail(3)])
    found = site.account(server).inbox.filter(Q("subject:Preis"))
    found = found if isinstance(found, list) else list(found)
    assert len(found) == (1 if personality.query_strings else 3)


@both("lists_everything")
def test_lists_leave_out_headers_and_bodies_or_have_them(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    server.deliver(BOX, mail(1, more=f"X-Long: {'x' * 400}\r\n"))
    inbox = site.account(server).inbox
    [(_, item)] = inbox.sync_items(only_fields=["headers", "mime_content", "x_transport"])
    assert bool(item.headers) == bool(item.mime_content) == personality.lists_everything
    assert len(item.x_transport) == 255


@both("newest_first")
def test_a_first_look_begins_with_the_newest_or_the_oldest(
    site: Site, personality: Personality
) -> None:
    server = site.server(personality)
    ids = server.deliver_many(BOX, [mail(1), mail(2), mail(3)])
    told = [item.id for _, item in site.account(server).inbox.sync_items(only_fields=["subject"])]
    assert told == (ids[::-1] if personality.newest_first else ids)


@both("soap_prefix")
def test_a_fault_is_understood_or_taken_for_no_xml(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    assert account.version.build
    server.faults.plan(Fault(how="busy", seconds=3))
    wanted = ErrorServerBusy if personality.soap_prefix == "s" else MalformedResponseError
    with pytest.raises(wanted):
        _ = account.inbox
    server.faults.plan(Fault(how="busy", seconds=3))
    answer = ask(server, "<m:GetFolder/>")
    assert answer.status_code == 500
    assert answer.text.startswith("<SOAP:Envelope") == (personality.soap_prefix == "SOAP")


def test_a_wrong_password_is_refused_after_a_while(site: Site) -> None:
    server = site.server(GROMMUNIO, refusal_seconds=0.2)
    before = server.steady()
    assert ask(server, "<m:GetFolder/>", auth=("desk", "wrong")).status_code == 401
    assert server.steady() - before >= 0.2
