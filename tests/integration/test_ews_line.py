"""How ``EwsStore`` signs in, rests when it is told to, and what it says when something fails."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config.secrets import Secret
from appliance.domain.errors import (
    ConfigError,
    CredentialsRefused,
    MailboxUnreachable,
    OperatorError,
)
from appliance.domain.mail import Address
from appliance.mailbox.exchange.store import EwsStore
from appliance.mailbox.mailstore import Marks, Tag
from appliance.mailbox.places import Place
from appliance.mailbox.record import Recorder
from appliance.mailbox.signin import PasswordSignIn
from tests.ews_desk import DESK, LONG_AGO, OTHER, PASSWORD, USER, EwsDesk, ews_desk, reply, waiting
from tests.raw_mail import raw_mail
from tests.servers import ews_http
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality
from tests.servers.ews_faults import How
from tests.servers.ews_signin import Reception, SignInRefused

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda one: one.name)
UNSPEAKABLE = (PASSWORD, "opening hours", "Question", "customers.example", "@office.example.com")


@pytest.fixture
def desk(tmp_path: Path, personality: Personality) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path, personality) as opened:
        yield opened


def everything(store: EwsStore) -> dict[str, Callable[[], object]]:
    """Each way of asking the server something."""
    listed = waiting(store)
    ref = listed[0].ref
    key = store.keys(listed)[ref]
    state = store.begin(Place.INBOX, LONG_AGO).state
    return {
        "begin": lambda: store.begin(Place.INBOX, LONG_AGO),
        "changes": lambda: store.changes(Place.INBOX, state, 10),
        "read": lambda: store.read(listed),
        "keys": lambda: store.keys(listed),
        "locate": lambda: store.locate(key, None),
        "mark": lambda: store.mark(ref, Marks(seen=True)),
        "draft": lambda: store.draft(reply(), {}, ref),
        "tagged": lambda: store.tagged(Place.DRAFTS, Tag.REPLY, "x"),
        "send": lambda: store.send(ref, lambda: None),
        "remove": lambda: store.remove([ref]),
        "notes": store.notes,
    }


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
@BOTH
def test_a_wrong_password_is_reported_at_once_and_shown_once(desk: EwsDesk, auth: str) -> None:
    desk.password = "wrong"
    store = desk.store(auth=auth)
    began = time.monotonic()
    with pytest.raises(CredentialsRefused) as raised:
        store.begin(Place.INBOX, LONG_AGO)
    assert time.monotonic() - began < 5
    assert "wrong" not in str(raised.value)
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            store.tagged(Place.DRAFTS, Tag.REPLY, "x")
    assert desk.server.refusals == 1
    assert desk.asked() == []
    # A person puts the right one into the file of secrets.
    desk.password = PASSWORD
    assert store.begin(Place.INBOX, LONG_AGO).waiting == ()
    # Somebody changes it at the server.
    desk.server.users[USER] = "the next one"
    with pytest.raises(CredentialsRefused):
        desk.store(auth=auth).begin(Place.INBOX, LONG_AGO)


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_a_password_may_have_any_letters(tmp_path: Path, auth: str) -> None:
    password = "Straße 密码 €"
    with ews_desk(tmp_path, users={USER: password}) as desk:
        desk.password = password
        assert waiting(desk.store(auth=auth)) == []


def test_a_server_without_a_path_is_asked_at_the_usual_one(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        bare = desk.server.url.removesuffix("/EWS/Exchange.asmx")
        for server in (bare, f"{bare}/", bare.removeprefix("https://")):
            assert waiting(desk.store(server=server)) == []


def test_a_mailbox_beyond_ascii_is_asked_for_without_harm(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk, pytest.raises(CredentialsRefused):
        waiting(desk.store(mailbox="büro@office.example.com"))


def test_a_sign_in_that_the_server_does_not_offer_is_named(tmp_path: Path) -> None:
    with (
        ews_desk(tmp_path, schemes=("basic",)) as desk,
        pytest.raises(CredentialsRefused, match="It offers: Basic"),
    ):
        desk.store(auth="ntlm").begin(Place.INBOX, LONG_AGO)


@BOTH
def test_a_revoked_token_is_renewed_once_and_the_request_repeated(desk: EwsDesk) -> None:
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store(method=desk.tokens)
    assert len(waiting(store)) == 1
    desk.server.tokens.add("token-2", USER)
    desk.server.tokens.revoke("token-1")
    assert len(waiting(store)) == 1
    assert desk.tokens.renewals == 1
    assert (desk.server.refusals, len(desk.asked("SyncFolderItems"))) == (1, 2)
    desk.server.tokens.revoke_all()
    desk.tokens.refuse = True
    for _ in range(2):
        with pytest.raises(CredentialsRefused):
            waiting(store)
    assert desk.tokens.renewals == 2


@BOTH
@pytest.mark.parametrize(("how", "status"), [("busy", 0), ("429", 429), ("429", 503)])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_nothing_is_asked_of_a_server_that_wants_rest(
    desk: EwsDesk, how: How, status: int, auth: str
) -> None:
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store(auth=auth, streaming=False)
    calls = everything(store)
    desk.server.faults.plan(Fault(how=how, operation="FindItem", seconds=90, status=status or 429))
    with pytest.raises(MailboxUnreachable):
        store.tagged(Place.DRAFTS, Tag.REPLY, "x")
    before = len(desk.asked())
    for name, call in calls.items():
        with pytest.raises(MailboxUnreachable):
            call()
        assert len(desk.asked()) == before, name
    desk.clock.advance(timedelta(seconds=89))
    with pytest.raises(MailboxUnreachable):
        store.tagged(Place.DRAFTS, Tag.REPLY, "x")
    assert len(desk.asked()) == before
    desk.clock.advance(timedelta(seconds=2))
    assert store.tagged(Place.DRAFTS, Tag.REPLY, "x") == []


@BOTH
@pytest.mark.parametrize("how", ["503", "drop", "broken", "refuse", "freeze"])
def test_a_failure_is_told_and_the_next_call_works(desk: EwsDesk, how: How) -> None:
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store(streaming=False)
    for operation in ("SyncFolderItems", "GetItem", "FindItem", "CreateItem"):
        desk.server.faults.plan(Fault(how=how, operation=operation, seconds=0.1))
    with pytest.raises(MailboxUnreachable) as raised:
        waiting(store)
    assert not any(word in str(raised.value) for word in UNSPEAKABLE)
    listed = waiting(store)
    results = [_tried(lambda: bool(store.keys(listed))) for _ in range(2)]
    assert results == [False, True]
    results = [_tried(lambda: store.tagged(Place.SENT, Tag.REPLY, "x") == []) for _ in range(2)]
    assert results == [False, True]
    assert _tried(lambda: bool(store.draft(reply(), {}, None))) is False
    assert store.draft(reply(), {}, None)


def _tried(act: Callable[[], bool]) -> bool:
    try:
        return act()
    except MailboxUnreachable:
        return False


@BOTH
def test_another_mailbox_is_refused_with_the_right_that_is_missing(desk: EwsDesk) -> None:
    store = desk.store(mailbox=OTHER)
    with pytest.raises(CredentialsRefused, match=r"docs/exchange\.md") as raised:
        store.begin(Place.INBOX, LONG_AGO)
    assert OTHER not in str(raised.value)
    # This was not about the password: the right counts as soon as somebody grants it.
    assert desk.server.access is not None
    desk.server.access[USER].add(OTHER)
    assert store.begin(Place.INBOX, LONG_AGO).waiting == ()


def test_a_missing_right_does_not_renew_a_good_token(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store(method=desk.tokens, mailbox=OTHER)
        with pytest.raises(CredentialsRefused):
            store.begin(Place.INBOX, LONG_AGO)
        assert desk.tokens.renewals == 0
        assert len(desk.asked()) == 1


def test_whoever_may_act_as_the_mailbox_does(tmp_path: Path) -> None:
    with ews_desk(tmp_path, access={USER: set()}, impersonators=frozenset({USER})) as desk:
        desk.server.deliver(OTHER, raw_mail(1))
        store = desk.store(access="impersonation", mailbox=OTHER)
        assert len(waiting(store)) == 1
        ref = store.draft(reply(sender=Address(OTHER)), {Tag.REPLY: "r"}, None)
        store.send(ref, lambda: None)
        assert len(desk.server.posted) == 1
        with pytest.raises(CredentialsRefused, match="full access"):
            desk.store(access="delegate", mailbox=OTHER).begin(Place.INBOX, LONG_AGO)


def test_whoever_may_not_act_as_the_mailbox_is_told_the_role(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        with pytest.raises(CredentialsRefused, match="ApplicationImpersonation"):
            desk.store(access="impersonation").begin(Place.INBOX, LONG_AGO)
        with pytest.raises(ConfigError, match="impersonation"):
            desk.store(access="impersonation", mailbox="")


def test_without_a_mailbox_it_is_the_one_of_whoever_signs_in(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        desk.server.deliver(DESK, raw_mail(1))
        assert len(waiting(desk.store(mailbox=""))) == 1


def test_two_stores_at_one_server_share_neither_sign_in_nor_mailbox(tmp_path: Path) -> None:
    users = {USER: PASSWORD, "clerk": "secret"}
    access = {USER: {DESK}, "clerk": {OTHER}}
    with ews_desk(tmp_path, users=users, access=access) as desk:
        desk.server.deliver(DESK, raw_mail(1))
        clerk = PasswordSignIn(user="clerk", read=lambda: Secret("secret"))
        one, two = desk.store(), desk.store(method=clerk, mailbox=OTHER)
        assert len(waiting(one)) == 1
        assert waiting(two) == []
        one.close()
        assert waiting(two) == []
        assert len(waiting(one)) == 1
        assert {request.user for request in desk.server.requests} == {USER, "clerk"}


def test_a_certificate_nobody_vouches_for_is_a_persons_business(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        with pytest.raises(OperatorError, match="certificate"):
            desk.store(ca_file=None).begin(Place.INBOX, LONG_AGO)
        with pytest.raises(ConfigError):
            desk.store(ca_file=tmp_path / "missing.pem")
        assert desk.asked() == []


@pytest.mark.parametrize(
    "server",
    ["", "https://", "ftp://mail.example.com", "http://mail.example.com/EWS/", "https://[x"],
)
def test_an_address_that_makes_no_sense_or_shows_the_password_is_refused(
    tmp_path: Path, server: str
) -> None:
    with ews_desk(tmp_path) as desk, pytest.raises(ConfigError, match=r"exchange\.server"):
        desk.store(server=server)


def test_a_plain_connection_to_this_machine_will_do(tmp_path: Path) -> None:
    with ews_desk(tmp_path, tls=False) as desk:
        assert waiting(desk.store(ca_file=None)) == []


def test_a_wrong_path_and_a_silent_port_are_told_apart(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        wrong = desk.server.url.replace("Exchange.asmx", "Other.asmx")
        with pytest.raises(ConfigError, match="no EWS"):
            desk.store(server=wrong).begin(Place.INBOX, LONG_AGO)
        store = desk.store()
        desk.server.stop()
        with pytest.raises(MailboxUnreachable, match="nothing listens"):
            store.begin(Place.INBOX, LONG_AGO)
        desk.server.start()
        assert waiting(store) == []


def test_a_server_that_is_too_old_is_not_asked_again_in_other_words(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        code = "ErrorInvalidServerVersion"
        desk.server.faults.plan(Fault(how="refuse", operation="SyncFolderItems", code=code))
        with pytest.raises(ConfigError, match="Exchange 2013"):
            desk.store().begin(Place.INBOX, LONG_AGO)
        assert desk.asked() == ["SyncFolderItems"]


@BOTH
def test_no_log_holds_mail_addresses_or_secrets(
    desk: EwsDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("exchangelib", "requests_ntlm", "spnego", "urllib3"):
        assert logging.getLogger(name).name == name
    desk.server.deliver(DESK, raw_mail(1))
    store = desk.store(auth="ntlm", streaming=False)
    for how in ("503", "drop", "broken"):
        desk.server.faults.plan(Fault(how=how, operation="CreateItem"))
        with pytest.raises(MailboxUnreachable):
            store.draft(reply(), {}, waiting(store)[0].ref)
    store.send(store.draft(reply(), {}, None), lambda: None)
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert not any(word in text for word in UNSPEAKABLE)


@BOTH
def test_what_goes_over_the_wire_can_be_taken_down(desk: EwsDesk, tmp_path: Path) -> None:
    desk.server.deliver(DESK, raw_mail(1))
    transcripts = tmp_path / "transcripts"
    store = desk.store(auth="ntlm", recorder=Recorder(transcripts))
    assert store.read(waiting(store))
    written = sorted(path.name for path in transcripts.iterdir())
    assert [name.partition("-")[2] for name in written] == ["SyncFolderItems.txt", "GetItem.txt"]
    text = "".join(path.read_text("utf-8") for path in transcripts.iterdir())
    assert "MimeContent" in text
    assert not any(word in text for word in UNSPEAKABLE)


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
@BOTH
def test_two_thousand_mails_are_begun_with_and_read_in_little_time(
    desk: EwsDesk, auth: str, record_property: Callable[[str, object], None]
) -> None:
    desk.server.deliver_many(DESK, [raw_mail(number) for number in range(2000)])
    store = desk.store(auth=auth, streaming=False)
    began = time.monotonic()
    listed = waiting(store)
    listed_seconds = time.monotonic() - began
    read = store.read(listed)
    read_seconds = time.monotonic() - began - listed_seconds
    record_property("begin_seconds", round(listed_seconds, 2))
    record_property("read_seconds", round(read_seconds, 2))
    assert [mail.ref for mail in read] == [one.ref for one in listed]
    assert len({mail.key for mail in read}) == 2000
    # Requests are what a real server makes one wait for.
    assert len(desk.asked("SyncFolderItems")) <= 5
    assert len(desk.asked("GetItem")) == 20


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_an_answer_that_cannot_be_unpacked_is_told_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store(auth=auth)
        ref = store.draft(reply(), {}, None)
        plain = ews_http.Handler._reply

        def garbled(
            self: ews_http.Handler, status: int, body: bytes, *more: tuple[str, str]
        ) -> None:
            plain(self, status, body, *more, ("Content-Encoding", "gzip"))

        committed: list[bool] = []
        monkeypatch.setattr(ews_http.Handler, "_reply", garbled)
        with pytest.raises(MailboxUnreachable):
            store.notes()
        with pytest.raises(MailboxUnreachable):
            store.send(ref, lambda: committed.append(True))
        assert committed == []


def test_a_sending_whose_answer_cannot_be_unpacked_is_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store()
        ref = store.draft(reply(), {}, None)
        plain = ews_http.Handler._reply

        def garbled(
            self: ews_http.Handler, status: int, body: bytes, *more: tuple[str, str]
        ) -> None:
            plain(self, status, body, *more, ("Content-Encoding", "gzip"))

        with pytest.raises(MailboxUnreachable):
            store.send(ref, lambda: monkeypatch.setattr(ews_http.Handler, "_reply", garbled))
        assert len(desk.server.posted) == 1


@pytest.mark.parametrize("challenge", ["NTLM AAAA", "NTLM TlRMTVNTUAACAAAA", "NTLM ====", "NTLM"])
def test_a_challenge_that_makes_no_sense_is_told_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, challenge: str
) -> None:
    with ews_desk(tmp_path) as desk:

        def sign_in(*_: object) -> str:
            raise SignInRefused((challenge,), wrong=False)

        monkeypatch.setattr(Reception, "sign_in", sign_in)
        with pytest.raises((MailboxUnreachable, CredentialsRefused)):
            desk.store(auth="ntlm").notes()
