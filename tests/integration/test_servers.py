"""The servers that the other tests rely on do what they say."""

import imaplib
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random

import pytest
import trustme
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.faults import FaultProxy, How, Weather
from tests.servers.relay import AFTER_THE_DOT, CONNECT, Relay

DESK = "desk@office.example.com"
USERS = {DESK: "a password"}
SENDER, RECIPIENT = "a@customers.example", "b@customers.example"
# A cut in the middle of LOGIN is a LoginError to IMAPClient, which is one of imaplib.
Cut = (OSError, imaplib.IMAP4.error, smtplib.SMTPException)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with Relay() as running:
        yield running


@pytest.fixture(scope="module")
def dovecot(authority: trustme.CA, relay: Relay) -> Iterator[Dovecot]:
    with Dovecot(USERS, Setup(oauth=True), relay=(relay.host, relay.port), ca=authority) as running:
        yield running


@pytest.fixture
def well(relay: Relay) -> Iterator[Relay]:
    yield relay
    relay.behave()


def send(port: int, number: int = 1, to: str = RECIPIENT, seconds: float = 5.0) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=seconds) as client:
        client.sendmail(SENDER, [to], raw_mail(number))


def question(number: int) -> str:
    return f"question-{number}@customers.example"


# Dovecot


def test_a_delivered_mail_is_read_over_tls(dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    dovecot.deliver(DESK, raw_mail(1), SENDER)
    with IMAPClient("localhost", port=dovecot.imaps, ssl_context=context) as client:
        client.login(DESK, USERS[DESK])
        client.select_folder("INBOX")
        (fetched,) = client.fetch(client.search("ALL"), ["BODY.PEEK[]"]).values()
    assert fetched[b"BODY[]"].startswith(f"Return-Path: <{SENDER}>\r\n".encode())
    assert fetched[b"BODY[]"].endswith(raw_mail(1))
    assert dovecot.messages(DESK) == [fetched[b"BODY[]"]]


def test_starttls_is_offered_and_the_certificate_is_for_this_host(dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with IMAPClient("127.0.0.1", port=dovecot.imap, ssl=False) as client:
        assert client.has_capability("STARTTLS")
        client.starttls(context)
        client.login(DESK, USERS[DESK])


@pytest.mark.parametrize("login", ["oauth2_login", "oauthbearer_login"])
def test_a_good_token_logs_in(dovecot: Dovecot, login: str) -> None:
    with IMAPClient("127.0.0.1", port=dovecot.imap, ssl=False) as client:
        getattr(client, login)(DESK, dovecot.jwt(DESK))
        assert client.folder_exists("INBOX")


def test_a_past_token_and_one_of_another_key_are_refused(dovecot: Dovecot) -> None:
    past = dovecot.jwt(DESK, seconds_valid=-60)
    strange = dovecot.jwt(DESK, key=b"another key, as long as the right one is")
    for token in (past, strange):
        with (
            IMAPClient("127.0.0.1", port=dovecot.imap, ssl=False) as client,
            pytest.raises(LoginError, match="AUTHENTICATIONFAILED"),
        ):
            client.oauth2_login(DESK, token)


def test_submission_hands_on_to_the_relay_and_says_what_the_relay_says(
    dovecot: Dovecot, well: Relay, trust: ssl.SSLContext
) -> None:
    with smtplib.SMTP("localhost", dovecot.submission, timeout=10) as client:
        client.starttls(context=trust)
        client.login(DESK, USERS[DESK])
        client.sendmail(DESK, [RECIPIENT], raw_mail(20))
        assert well.count(question(20)) == 1
        assert well.mails[-1].recipients == (RECIPIENT,)
        well.refuse(AFTER_THE_DOT, "451 4.3.0 Later", times=1)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(DESK, [RECIPIENT], raw_mail(21))
    assert refused.value.smtp_code == 451
    assert well.count(question(21)) == 0
    with smtplib.SMTP_SSL("localhost", dovecot.submissions, timeout=10, context=trust) as client:
        client.auth("XOAUTH2", lambda _=None: f"user={DESK}\1auth=Bearer {dovecot.jwt(DESK)}\1\1")


def test_a_mail_to_oneself_comes_back_through_relay_and_delivery(authority: trustme.CA) -> None:
    with (
        Relay(strip=("Auto-Submitted", "X-*")) as relay,
        Dovecot(USERS, relay=(relay.host, relay.port), ca=authority) as dovecot,
    ):
        relay.forward = dovecot.deliver
        headers = "X-Folded: one\n two\nAuto-Submitted: auto-replied\n"
        with smtplib.SMTP("localhost", dovecot.submission, timeout=10) as client:
            client.login(DESK, USERS[DESK])
            client.sendmail(DESK, [DESK], raw_mail(3, headers=headers))
        (raw,) = dovecot.messages(DESK)
    assert raw.startswith(f"Return-Path: <{DESK}>\r\n".encode())
    assert b"by relay.example" in raw
    assert b"Message-ID: <question-3@" in raw
    assert b"X-Folded" not in raw
    assert b"\r\n two" not in raw
    assert b"Auto-Submitted" not in raw


def test_folders_and_capabilities_are_as_set_up() -> None:
    chinese = Setup(sent="已发送", drafts="草稿箱", special_use=False, hidden=("IDLE", "MOVE"))
    with Dovecot(USERS, chinese) as dovecot:
        assert dovecot.folders(DESK) == ["INBOX", "已发送", "草稿箱"]
        with dovecot.session(DESK) as client:
            told = client.capabilities()
            assert b"IDLE" not in told
            assert b"MOVE" not in told
            assert b"UIDPLUS" in told
            assert client.find_special_folder(b"\\Sent") is None
    dotted = Setup(sent="Sent Messages", prefix="INBOX.", separator=".")
    with Dovecot(USERS, dotted) as dovecot, dovecot.session(DESK) as client:
        assert b"IDLE" in client.capabilities()
        assert client.find_special_folder(b"\\Sent") == "INBOX.Sent Messages"
        assert client.find_special_folder(b"\\Drafts") == "INBOX.Drafts"


def test_a_server_without_tls_or_passwords_says_so() -> None:
    with (
        Dovecot(USERS, Setup(tls="no", mechanisms=(), oauth=True)) as dovecot,
        IMAPClient("127.0.0.1", port=dovecot.imap, ssl=False) as client,
    ):
        assert not client.has_capability("STARTTLS")
        with pytest.raises(LoginError):
            client.login(DESK, USERS[DESK])
        assert dovecot.messages(DESK) == []
    with (
        Dovecot(USERS, Setup(tls="required")) as dovecot,
        IMAPClient(dovecot.host, port=dovecot.imap, ssl=False) as client,
        pytest.raises(LoginError, match="PRIVACYREQUIRED"),
    ):
        client.login(DESK, USERS[DESK])


def test_a_changed_password_holds_for_the_next_login() -> None:
    with Dovecot(USERS) as dovecot:
        dovecot.set_password(DESK, "quite another password")
        with (
            IMAPClient("127.0.0.1", port=dovecot.imap, ssl=False) as client,
            pytest.raises(LoginError),
        ):
            client.login(DESK, USERS[DESK])
        assert dovecot.messages(DESK) == []


def test_mail_outlives_a_kill_a_restart_and_another_uidvalidity() -> None:
    with Dovecot(USERS) as dovecot:
        when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        dovecot.append(DESK, "Sent", raw_mail(1), when, flags=[rb"\Seen"])
        dovecot.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((dovecot.host, dovecot.imap))
        dovecot.start()
        dovecot.restart()
        assert dovecot.messages(DESK, "Sent") == [raw_mail(1)]
        assert rb"\Seen" in dovecot.flags(DESK, "Sent")[0]
        with dovecot.session(DESK, "Sent") as client:
            assert (
                client.fetch(1, ["INTERNALDATE"])[1][b"INTERNALDATE"].timestamp()
                == when.timestamp()
            )
            before = client.folder_status("Sent", ["UIDVALIDITY"])[b"UIDVALIDITY"]
        after = dovecot.reset_uidvalidity(DESK, "Sent")
        with dovecot.session(DESK) as client:
            assert client.select_folder("Sent")[b"UIDVALIDITY"] == after != before
        assert dovecot.messages(DESK, "Sent") == [raw_mail(1)]
        dovecot.append(DESK, "INBOX", raw_mail(2))
        with dovecot.session(DESK) as client:
            client.create_folder("Handled")
        dovecot.delete_folder(DESK, "Handled")
        assert dovecot.folders(DESK) == ["Drafts", "INBOX", "Sent"]


# The relay


@pytest.mark.parametrize("code", [451, 550])
@pytest.mark.parametrize("stage", [CONNECT, "MAIL", "RCPT", "DATA", AFTER_THE_DOT])
def test_the_relay_refuses_once_at_each_stage(well: Relay, stage: str, code: int) -> None:
    seen, count = well.seen(stage), len(well.mails)
    well.refuse(stage, f"{code} 4.3.0 As told", times=1)
    with pytest.raises(smtplib.SMTPException, match=str(code)):
        send(well.port)
    assert len(well.mails) == count
    send(well.port)
    assert len(well.mails) == count + 1
    assert well.seen(stage) == seen + 2


def test_the_relay_refuses_a_greeting(well: Relay) -> None:
    well.refuse("EHLO", "451 4.3.0 Later", times=1)
    with smtplib.SMTP(well.host, well.port) as client:
        assert client.ehlo()[0] == 451
        assert client.ehlo()[0] == 250


@pytest.mark.parametrize("stage", [CONNECT, "EHLO", "MAIL", "RCPT", "DATA", AFTER_THE_DOT])
def test_the_relay_drops_and_hangs_at_each_stage(well: Relay, stage: str) -> None:
    count = len(well.mails)
    well.drop(stage, times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(well.port)
    well.hang(stage)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(well.port, seconds=0.2)
    assert len(well.mails) == count


@pytest.mark.parametrize("how", ["drop", "hang"])
def test_the_relay_takes_a_mail_and_never_says_so(well: Relay, how: str) -> None:
    before = well.count(question(40))
    getattr(well, how)(AFTER_THE_DOT, taken=True, times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(well.port, 40, seconds=0.2)
    assert well.count(question(40)) == before + 1


def test_the_relay_refuses_only_one_recipient_and_only_later(well: Relay) -> None:
    well.refuse("RCPT", "550 5.1.1 Nobody", only="nobody@", after=1)
    with smtplib.SMTP(well.host, well.port) as client:
        both = [RECIPIENT, "nobody@customers.example"]
        assert client.sendmail(SENDER, both, raw_mail(1)) == {}
        assert list(client.sendmail(SENDER, both, raw_mail(1))) == both[1:]
    assert well.mails[-1].recipients == (RECIPIENT,)


def test_the_relay_wants_tls_and_a_login_where_it_is_told(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    with Relay(
        users=USERS, tokens=["good"], tls="starttls", require_tls=True, ca=authority, smtputf8=False
    ) as relay:
        with pytest.raises(smtplib.SMTPSenderRefused, match="STARTTLS"):
            send(relay.port)
        with smtplib.SMTP("localhost", relay.port) as client:
            client.starttls(context=trust)
            client.ehlo()
            assert not client.has_extn("smtputf8")
            with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
                client.sendmail(SENDER, [RECIPIENT], raw_mail(1))
            for token in ("bad", "good"):
                assert (xoauth2(client, token) == 235) == (token == "good")
            client.sendmail(SENDER, [RECIPIENT], raw_mail(1))
        assert (relay.mails[0].login, relay.mails[0].encrypted) == (DESK, True)
    with (
        Relay(users=USERS, tls="implicit", ca=authority) as relay,
        smtplib.SMTP_SSL("localhost", relay.port, context=trust) as client,
    ):
        assert client.ehlo()[0] == 250
        assert client.has_extn("smtputf8")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(DESK, "wrong")
        client.login(DESK, USERS[DESK])
        client.sendmail(SENDER, [RECIPIENT], raw_mail(1))
        assert relay.mails[0].encrypted


def xoauth2(client: smtplib.SMTP, token: str) -> int:
    first = f"user={DESK}\1auth=Bearer {token}\1\1"
    try:
        return client.auth("XOAUTH2", lambda challenge=None: "" if challenge else first)[0]
    except smtplib.SMTPAuthenticationError as refused:
        return refused.smtp_code


def test_the_relay_comes_back_on_its_port() -> None:
    with Relay() as relay:
        send(relay.port)
        relay.stop()
        with pytest.raises(ConnectionRefusedError):
            send(relay.port)
        relay.start()
        send(relay.port)
        assert relay.count(question(1)) == 2


# The proxy


@pytest.fixture
def through(dovecot: Dovecot) -> Iterator[FaultProxy]:
    with FaultProxy((dovecot.host, dovecot.imap)) as proxy:
        yield proxy


@contextmanager
def client_of(
    proxy: FaultProxy, seconds: float = 5.0, trust: ssl.SSLContext | None = None
) -> Iterator[IMAPClient]:
    """Logged in; it is closed without a LOGOUT, which may find nobody there."""
    client = IMAPClient(
        "localhost", port=proxy.port, ssl=trust is not None, ssl_context=trust, timeout=seconds
    )
    try:
        client.login(DESK, USERS[DESK])
        yield client
    finally:
        client.shutdown()


def test_a_command_is_cut_before_the_server_saw_it_or_after(
    dovecot: Dovecot, through: FaultProxy
) -> None:
    for number, (when, filed) in enumerate([("before", 0), ("after", 1)], start=50):
        through.drop(rb"^\S+ APPEND", when=when)
        with client_of(through) as client, pytest.raises(Cut):
            client.append("Drafts", raw_mail(number))
        through.clear()
        with client_of(through) as client:
            client.select_folder("Drafts")
            assert len(client.search(["HEADER", "Message-ID", question(number)])) == filed
    assert through.applied["drop"] == 2
    assert not any(b"opening hours" in command for command in through.commands)


def test_the_nth_command_is_cut(through: FaultProxy) -> None:
    through.drop(rb"^\S+ NOOP", nth=3)
    with client_of(through) as client:
        client.noop()
        client.noop()
        assert not through.applied
        with pytest.raises(Cut):
            client.noop()
    assert through.applied["drop"] == 1
    with client_of(through) as client:
        client.noop()


def test_an_answer_is_cut_short(dovecot: Dovecot, through: FaultProxy) -> None:
    through.truncate(9, rb"^\S+ NAMESPACE")
    with socket.create_connection((through.host, through.port), timeout=5) as client:
        lines = client.makefile("rb")
        lines.readline()
        client.sendall(f'a1 LOGIN {DESK} "{USERS[DESK]}"\r\n'.encode())
        while not lines.readline().startswith(b"a1 OK"):
            pass
        client.sendall(b"a2 NAMESPACE\r\n")
        assert lines.read() == b"* NAMESPA"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delay_holds_back_a_command_or_its_answer(through: FaultProxy, when: str) -> None:
    through.delay(0.3, rb"^\S+ NOOP", when=when)
    with client_of(through) as client:
        begun = time.monotonic()
        client.noop()
        assert time.monotonic() - begun >= 0.3
    assert through.applied["delay"] == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_frozen_stays_open_and_goes_on_when_released(
    through: FaultProxy, when: str
) -> None:
    through.freeze(rb"^\S+ NOOP", when=when)
    with client_of(through) as client:
        client.socket().settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.noop()
        client.socket().settimeout(5)
        through.release()
        assert b"OK" in client.socket().recv(100)


def test_a_server_is_gone_and_comes_back(through: FaultProxy) -> None:
    with client_of(through) as client:
        through.down()
        with pytest.raises(Cut):
            client.noop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((through.host, through.port))
    through.up()
    with client_of(through) as client:
        client.noop()


def test_chance_is_the_same_for_the_same_seed(dovecot: Dovecot) -> None:
    def applied(seed: int) -> list[How]:
        weather = Weather(random=Random(seed), probability=0.3, hows=("drop", "truncate"))
        with FaultProxy((dovecot.host, dovecot.imap), weather=weather) as proxy:
            return [how for _ in range(15) for how in met(proxy)]

    assert applied(1) == applied(1)
    assert set(applied(1)) == {"drop", "truncate"}


def met(proxy: FaultProxy) -> list[How]:
    before = proxy.applied
    try:
        with client_of(proxy) as client:
            client.noop()
    except Cut:
        assert proxy.applied != before
    return list((proxy.applied - before).elements())


def test_the_proxy_speaks_tls_to_the_client(
    dovecot: Dovecot, authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    with (
        FaultProxy((dovecot.host, dovecot.imap), ca=authority) as proxy,
        client_of(proxy, trust=trust) as client,
    ):
        proxy.drop(rb"^\S+ SELECT", when="after")
        with pytest.raises(Cut):
            client.select_folder("INBOX")


@pytest.mark.parametrize(
    ("pattern", "when", "taken"),
    [
        (rb"^DATA", "after", 0),
        (rb"^\.$", "before", 0),
        (rb"^\.$", "after", 1),
        (b"^QUIT", "before", 1),
    ],
)
def test_smtp_is_cut_around_the_dot(well: Relay, pattern: bytes, when: str, taken: int) -> None:
    before = well.count(question(60))
    with FaultProxy((well.host, well.port)) as proxy:
        proxy.drop(pattern, when=when)
        proxy.drop(b"^From: ")
        try:
            send(proxy.port, 60)
        except smtplib.SMTPServerDisconnected:
            assert pattern != b"^QUIT"
        assert proxy.applied["drop"] == 1
    assert well.count(question(60)) == before + taken
