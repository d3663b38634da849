"""Who gets into the loopback EWS server, and what goes wrong there when a test wants it to."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from exchangelib import (
    IMPERSONATION,
    NTLM,
    Credentials,
    FaultTolerance,
    Message,
    OAuth2AuthorizationCodeCredentials,
)
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorInternalServerTransientError,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    ErrorQuotaExceeded,
    ErrorSendAsDenied,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    MalformedResponseError,
    SessionPoolMaxSizeReached,
    SOAPError,
    TransportError,
    UnauthorizedError,
)
from exchangelib.items import SEND_AND_SAVE_COPY

from tests.servers.ews import EXCHANGE, GROMMUNIO, Personality
from tests.servers.ews_client import BOX, OTHER, Site, ask, draft, mail, properties
from tests.servers.ews_faults import Fault, How, Weather

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda each: each.name)
LISTED = ["message_id"]
NOBODY = {"Exchange": "has no mailbox", "grommunio": "ErrorCannotFindUser"}


@pytest.fixture(autouse=True, scope="module")
def _properties() -> Iterator[None]:
    with properties():
        yield


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path, monkeypatch)
    yield site
    site.close()


def send(account: Any, made: Any) -> Any:
    return account.bulk_update([(made, ["subject"])], message_disposition=SEND_AND_SAVE_COPY)


def changes(folder: Any, state: str | None = None, most: int = 100) -> tuple[list[Any], str]:
    """What one whole synchronisation tells, and the state after it."""
    found = list(folder.sync_items(sync_state=state, only_fields=LISTED, max_changes_returned=most))
    return found, folder.item_sync_state


@BOTH
def test_other_peoples_mailboxes_are_closed(site: Site, personality: Personality) -> None:
    server = site.server(
        personality, impersonators=frozenset({"robot"}), users={"desk": "secret", "robot": "r"}
    )
    with pytest.raises(ErrorAccessDenied):
        _ = site.account(server, OTHER).inbox
    with pytest.raises((ErrorNonExistentMailbox, TransportError), match=NOBODY[personality.name]):
        _ = site.account(server, "nobody@office.example.com").inbox
    assert server.access is not None
    server.access["desk"].add(OTHER)
    assert site.account(server, OTHER).inbox.total_count == 0
    if personality.soap_prefix == "s":
        with pytest.raises(ErrorImpersonateUserDenied):
            _ = site.account(server, access=IMPERSONATION).inbox
    robot = Credentials("robot", "r")
    server.deliver(BOX, mail(1))
    account = site.account(server, credentials=robot, access=IMPERSONATION)
    assert account.inbox.total_count == 1
    send(account, draft(account))
    assert [posted.recipients for posted in server.posted] == [("anna@client.example",)]


@BOTH
def test_nobody_sends_as_somebody_else(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account, author=OTHER)
    with pytest.raises(ErrorSendAsDenied):
        send(account, made)
    assert server.posted == []
    server.send_as_allowed.add(OTHER)
    send(account, account.drafts.get(id=made.id))
    assert f"From: {OTHER}".encode() in server.posted[0].raw


@pytest.mark.parametrize("auth", ["basic", NTLM])
@pytest.mark.parametrize("name", ["desk", "OFFICE\\desk"])
def test_passwords_are_checked(site: Site, auth: str, name: str) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server, auth=auth, credentials=Credentials(name, "secret"))
    assert account.inbox.total_count == 0
    assert server.refusals == 0
    wrong = site.account(server, auth=auth, credentials=Credentials(name, "wrong"))
    with pytest.raises(UnauthorizedError):
        _ = wrong.inbox
    assert server.refusals == 1
    assert {each.user for each in server.requests} == {"desk"}
    server.users["desk"] = "wrong"
    assert site.account(server, auth=auth, credentials=Credentials(name, "wrong")).inbox


@pytest.mark.parametrize("auth", ["basic", NTLM])
def test_a_password_may_have_letters_beyond_ascii(site: Site, auth: str) -> None:
    server = site.server(EXCHANGE, users={"desk": "Schlüssel"})
    credentials = Credentials("desk", "Schlüssel")
    assert site.account(server, auth=auth, credentials=credentials).inbox.total_count == 0
    assert server.refusals == 0


def test_ntlm_signs_in_a_connection_once_and_not_every_connection(site: Site) -> None:
    server = site.server(EXCHANGE, schemes=("ntlm",))
    account = site.account(server, auth=NTLM)
    assert account.inbox.total_count == 0
    assert account.drafts.total_count == 0
    assert ask(server, "<m:GetFolder/>", auth=None).status_code == 401
    answer = ask(server, "<m:GetFolder/>")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "NTLM")


def test_a_token_is_good_until_it_is_revoked(site: Site) -> None:
    server = site.server(EXCHANGE, schemes=("bearer",))
    server.tokens.add("t0ken")
    credentials = OAuth2AuthorizationCodeCredentials(
        access_token={"access_token": "t0ken", "token_type": "Bearer"}
    )
    account = site.account(server, auth="OAuth 2.0", credentials=credentials)
    assert account.inbox.total_count == 0
    server.tokens.revoke("t0ken")
    with pytest.raises(UnauthorizedError):
        account.inbox.refresh()
    refused = ask(server, "<m:GetFolder/>", auth=None, headers={"Authorization": "Bearer t0ken"})
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


FAULTS: list[tuple[How, type[Exception]]] = [
    ("503", ErrorServerBusy),
    ("drop", ErrorTimeoutExpired),
    ("busy", ErrorServerBusy),
    ("429", MalformedResponseError),
    ("freeze", ErrorTimeoutExpired),
    ("broken", SOAPError),
    ("401", UnauthorizedError),
    ("refuse", ErrorQuotaExceeded),
]


@pytest.mark.parametrize(("how", "error"), FAULTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_hits_the_planned_request_before_or_after_it_is_done(
    site: Site, how: How, error: type[Exception], when: Any
) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server, connections=1)
    _ = account.sent
    first, second = draft(account), draft(account, subject="Zwei")
    server.faults.plan(
        Fault(
            how=how, operation="SendItem", nth=2, when=when, seconds=0.2, code="ErrorQuotaExceeded"
        )
    )
    first.send()
    with pytest.raises((error, ErrorInternalServerTransientError)) as raised:
        second.send()
    assert len(server.posted) == (2 if when == "after" else 1)
    if how == "busy":
        assert getattr(raised.value, "back_off", None) == 0.2
    assert server.faults.applied == {how: 1}
    assert account.inbox.all().count() == 0


def test_429_and_503_say_when_to_come_back(site: Site) -> None:
    server = site.server(EXCHANGE)
    for status in (429, 503):
        server.faults.plan(Fault(how="429", seconds=7, status=status))
        answer = ask(server, "<m:GetFolder/>")
        assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")


def test_bad_weather_is_the_same_for_the_same_seed(site: Site) -> None:
    seen = []
    for _ in range(2):
        server = site.server(EXCHANGE)
        server.faults.weather = Weather(random=Random(5), probability=0.5, hows=("503", "429"))
        seen.append([ask(server, "<m:GetFolder/>").status_code for _ in range(20)])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 1


@BOTH
def test_a_send_is_finished_after_its_client_died(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    made = draft(account)
    server.finish_after_client_died("UpdateItem", 0.1)
    account.protocol.TIMEOUT = 0.3
    with pytest.raises(ErrorTimeoutExpired):
        send(account, made)
    with server.store.heard:
        assert server.store.heard.wait_for(lambda: server.store.posted, 30)
        assert server.store.heard.wait_for(lambda: server.items(BOX, "Sent"), 30)


def test_a_server_that_comes_back_has_kept_everything(site: Site) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server)
    server.deliver(BOX, mail(1))
    _, state = changes(account.inbox)
    url = server.url
    server.stop()
    with pytest.raises(ErrorTimeoutExpired):
        account.inbox.refresh()
    server.deliver(BOX, mail(2))
    server.start()
    assert server.url == url
    told, _ = changes(account.inbox, state)
    assert [item.message_id for _, item in told] == ["<m2@client.example>"]


@pytest.mark.parametrize("how", ["503", "drop"])
def test_a_library_that_repeats_what_was_done_sends_twice_unless_there_is_a_draft(
    site: Site, how: How
) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server)
    _ = account.sent
    account.protocol.config.retry_policy = FaultTolerance(max_wait=60)
    account.protocol.RETRY_WAIT = 0.01
    made = draft(account)
    for _ in range(2):
        with suppress(SessionPoolMaxSizeReached):
            account.protocol.increase_poolsize()
    server.faults.plan(Fault(how=how, operation="CreateItem", when="after"))
    Message(
        account=account, folder=account.sent, subject="x", body="x", to_recipients=[OTHER]
    ).send_and_save()
    assert len(server.posted) == 2
    account.protocol.increase_poolsize()
    server.faults.plan(Fault(how=how, operation="SendItem", when="after"))
    with pytest.raises(ErrorItemNotFound):
        made.send()
    assert len(server.posted) == 3
