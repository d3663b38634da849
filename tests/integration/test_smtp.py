"""A reply leaves at most once, and what a submission server does to it is told for what it is."""

import base64
import errno
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import pytest
import trustme

from appliance.config.accounts import Security, SmtpSettings
from appliance.config.secrets import Secret
from appliance.domain.draft import Reply
from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
    OperatorError,
    ReplyDeferred,
    ReplyRefused,
    SendingStopped,
)
from appliance.domain.mail import Address, MessageId
from appliance.mailbox import mime, smtp
from appliance.mailbox.compose import compose
from appliance.mailbox.signin import REFUSED_SECONDS, PasswordSignIn, SignIn, SignInMethod
from appliance.mailbox.smtp import Submission
from tests.fakes import FakeClock
from tests.servers.dovecot import Dovecot, free_port
from tests.servers.relay import AFTER_THE_DOT, CONNECT, Relay

USER, CANARY = "desk@office.example", "canary-password-93"
TOKEN = "canary-token-93"
CUSTOMER = "li.na@customer.example"
REPLY = Reply(
    id=MessageId("r1.north@office.example"),
    in_reply_to=MessageId("q1@customer.example"),
    references=(MessageId("q1@customer.example"),),
    sender=Address(USER),
    sender_name="青禾电器客服",
    recipient=Address(CUSTOMER),
    recipient_name="李娜",
    subject="Re: 空调安装费用咨询",
    text="您好，\n\n安装费 299 元。\n",
    date=datetime(2026, 11, 3, 14, 15, tzinfo=UTC),
    automatic=True,
    headers=(("Auto-Submitted", "auto-replied"),),
)
QUOTING = f"QUOTED no such <{CUSTOMER}> for <{USER}>"
"""What servers say, and what no error may repeat."""

PATIENT = 10.0


VERBS = frozenset("EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET QUIT".split())
USUAL = {
    "CONNECT": b"220 script ESMTP\r\n",
    "EHLO": b"250-script\r\n250 8BITMIME\r\n",
    "DATA": b"354 go on\r\n",
    "AUTH": b"235 2.7.0 ok\r\n",
    "QUIT": b"221 bye\r\n",
}


class Commit:
    """Counts its calls; ``look`` runs inside."""

    def __init__(self, look: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self._look = look

    def __call__(self) -> None:
        self.calls += 1
        self._look()


class Tokens:
    """A sign-in service: the first token may be out of date, a renewed one is the second."""

    user = USER
    bearer = True

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens
        self.renewed = 0

    def secret(self, *, renew: bool) -> Secret:
        self.renewed += renew
        return Secret(self.tokens[-1 if self.renewed else 0])


class Script:
    """A server that says exactly what it is told to, and keeps all that it hears.

    ``answers`` by verb, ``CONNECT``, ``TEXT`` (a line that is no command) or ``END`` (the dot),
    where there are several one after another; empty: hang up. ``seen`` are the lines of commands, ``text`` what followed a 354, undecoded.
    """

    def __init__(self, **answers: bytes | tuple[bytes, ...]) -> None:
        told = {**USUAL, **answers}
        self.answers = {
            stage: [said] if isinstance(said, bytes) else list(said) for stage, said in told.items()
        }
        self.seen: list[str] = []
        self.text = b""
        self.dots = 0
        self._heard = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.ended()

    def ended(self) -> None:
        """Returns as soon as the client is gone and all it said is read."""
        self._thread.join(PATIENT)
        assert not self._thread.is_alive()

    def wait_text(self, length: int) -> None:
        """Returns as soon as so many bytes of the mail are here."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.text) >= length, PATIENT)

    def verbs(self) -> list[str]:
        return [line.split(" ")[0].upper() for line in self.seen]

    def _serve(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            connection.settimeout(PATIENT)
            with connection, connection.makefile("rb") as lines:
                self._converse(connection, lines)

    def _converse(self, connection: socket.socket, lines: Any) -> None:
        stage = "CONNECT"
        while answer := self._answer(stage):
            connection.sendall(answer)
            if stage == "DATA" and answer.startswith(b"354"):
                stage = "END"
                if not self._read_text(lines):
                    return
                continue
            line = lines.readline()
            if not line:
                return
            self.seen.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            verb = self.seen[-1].split(" ")[0].upper()
            stage = verb if verb in VERBS else "TEXT"

    def _answer(self, stage: str) -> bytes:
        """The last one stays."""
        said = self.answers.get(stage, [b"250 ok\r\n"])
        return said.pop(0) if len(said) > 1 else said[0]

    def _read_text(self, lines: Any) -> bool:
        while line := lines.readline():
            with self._heard:
                if line == b".\r\n":
                    self.dots += 1
                    return True
                self.text += line
                self._heard.notify_all()
        return False


def password(clock: FakeClock | None = None) -> SignIn:
    method = PasswordSignIn(user=USER, read=lambda: Secret(CANARY))
    return SignIn(method, clock or FakeClock())


def bearer(*tokens: str) -> SignIn:
    method: SignInMethod = Tokens(*tokens)
    return SignIn(method, FakeClock())


def plain() -> str:
    return base64.b64encode(f"\0{USER}\0{CANARY}".encode()).decode()


def submission(
    port: int,
    *,
    sign_in: SignIn | None = None,
    security: Security = "none",
    timeout: float = PATIENT,
    host: str = "127.0.0.1",
    ca_file: Path | None = None,
    null_envelope: bool = False,
) -> Submission:
    settings = SmtpSettings(
        host=host, port=port, security=security, ca_file=ca_file, null_envelope=null_envelope
    )
    return Submission(settings=settings, sign_in=sign_in or password(), timeout=timeout)


def fails(
    sender: Submission,
    expected: type[BaseException],
    *,
    reply: Reply = REPLY,
    commit: Commit | None = None,
    committed: bool = False,
) -> str:
    """What the error says; nothing of it, its causes and their frames' text is a secret."""
    used = commit or Commit()
    with pytest.raises(ApplianceError) as caught:
        sender.send(reply, used)
    assert type(caught.value) is expected, repr(caught.value)
    assert used.calls == committed
    told = "".join(traceback.format_exception(caught.value))
    for canary in (CANARY, TOKEN, CUSTOMER, USER, plain(), "QUOTED"):
        assert canary not in told
    said = str(caught.value)
    assert said.endswith(".")
    return said


# One mail


def test_a_mail_arrives_once_and_its_copy_is_what_was_sent() -> None:
    with Relay() as relay:
        commit = Commit()
        raw = submission(relay.port).send(REPLY, commit)
        (taken,) = relay.mails
        assert relay.seen("QUIT") == 1
    assert commit.calls == 1
    assert taken.raw == raw
    assert (taken.sender, taken.recipients) == (USER, (CUSTOMER,))
    assert taken.message_id == REPLY.id
    read = mime.read(taken.raw, mailbox="north", uid="1")
    assert read.subject == REPLY.subject
    assert (read.sender.name, read.to[0].name) == (REPLY.sender_name, "李娜")
    assert read.question == REPLY.text.strip()


def test_the_commit_comes_after_the_whole_body_and_before_the_dot() -> None:
    raw = compose(REPLY)
    told: list[object] = []

    def look() -> None:
        script.wait_text(len(raw))
        told.append((script.text, script.dots))

    with Script() as script:
        assert submission(script.port).send(REPLY, Commit(look)) == raw
    assert told == [(raw, 0)]
    assert (script.text, script.dots) == (raw, 1)


def test_at_the_commit_the_server_has_taken_nothing() -> None:
    told: list[object] = []
    with Relay() as relay:
        commit = Commit(lambda: told.append((relay.seen("DATA"), relay.seen(AFTER_THE_DOT))))
        submission(relay.port).send(REPLY, commit)
        assert relay.seen(AFTER_THE_DOT) == 1
    assert told == [(1, 0)]


def test_lines_that_begin_with_a_dot_arrive_as_they_were() -> None:
    text = ".\n..\n.a\n...\nb.\n\n.\n"
    with Relay() as relay:
        raw = submission(relay.port).send(replace(REPLY, text=text), Commit())
    assert relay.mails[0].raw == raw
    assert raw.endswith(b"\r\n\r\n.\r\n..\r\n.a\r\n...\r\nb.\r\n\r\n.\r\n")


def test_a_text_that_ends_in_the_middle_of_a_line_ends_with_one() -> None:
    with Relay() as relay:
        raw = submission(relay.port).send(replace(REPLY, text="Hello\n.."), Commit())
    assert relay.mails[0].raw == raw
    assert raw.endswith(b"\r\n\r\nHello\r\n..\r\n")


def test_the_empty_envelope_sender_is_used_where_it_is_set() -> None:
    with Relay() as relay:
        sender = submission(relay.port, null_envelope=True)
        sender.send(REPLY, Commit())
        relay.refuse("MAIL", f"550 5.1.7 {QUOTING}")
        assert "`null_envelope`" in fails(sender, CredentialsRefused)
    assert relay.mails[0].sender == "<>"
    assert "From: =?utf-8?" in relay.mails[0].raw.decode("ascii")


def test_an_ascii_mail_asks_for_no_extension() -> None:
    with Script(EHLO=b"250-script\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250 SMTPUTF8\r\n") as script:
        submission(script.port).send(REPLY, Commit())
    assert script.seen[:4] == [
        "ehlo [127.0.0.1]",
        f"MAIL FROM:<{USER}>",
        f"RCPT TO:<{CUSTOMER}>",
        "DATA",
    ]


# Before the commit nothing left


@pytest.mark.parametrize(
    ("stage", "answer", "expected"),
    [
        (CONNECT, "421 4.3.2", MailboxUnreachable),
        (CONNECT, "554 5.7.1", MailboxUnreachable),
        ("AUTH", "421 4.3.2", MailboxUnreachable),
        ("AUTH", "454 4.7.0", MailboxUnreachable),
        ("AUTH", "432 4.3.2", MailboxUnreachable),
        ("AUTH", "535 5.7.8", CredentialsRefused),
        ("AUTH", "534 5.7.9", CredentialsRefused),
        ("AUTH", "530 5.7.0", CredentialsRefused),
        ("AUTH", "504 5.5.4", CredentialsRefused),
        ("MAIL", "421 4.7.0", MailboxUnreachable),
        ("MAIL", "451 4.7.1", ReplyDeferred),
        ("MAIL", "550 5.7.60", CredentialsRefused),
        ("MAIL", "553 5.7.1", CredentialsRefused),
        ("MAIL", "530 5.7.0", CredentialsRefused),
        ("RCPT", "421 4.7.0", MailboxUnreachable),
        ("RCPT", "450 4.2.1", ReplyDeferred),
        ("RCPT", "451 4.4.3", ReplyDeferred),
        ("RCPT", "550 5.1.1", ReplyRefused),
        ("RCPT", "530 5.7.0", CredentialsRefused),
        ("DATA", "421 4.7.0", MailboxUnreachable),
        ("DATA", "451 4.3.0", ReplyDeferred),
        ("DATA", "554 5.5.1", ReplyRefused),
        ("DATA", "250 2.0.0", MailboxUnreachable),
    ],
)
def test_a_refusal_before_the_commit_is_told_by_its_code(
    stage: str, answer: str, expected: type[ApplianceError]
) -> None:
    with Relay(users={USER: CANARY}) as relay:
        relay.refuse(stage, f"{answer} {QUOTING}")
        said = fails(submission(relay.port), expected)
        relay.behave()
        assert relay.mails == ()
        assert relay.seen(stage) == 1
    assert said.startswith(f"127.0.0.1:{relay.port}")
    assert (answer if stage != CONNECT else answer[:3]) in said


def test_who_may_not_send_as_this_sender_is_told_where_to_look() -> None:
    with Relay() as relay:
        relay.refuse("MAIL", f"550 5.7.60 {QUOTING}")
        said = fails(submission(relay.port), CredentialsRefused)
    assert "`addresses` in office.toml" in said
    assert "sign_in" in said


def test_who_should_have_signed_in_is_not_told_of_the_sender() -> None:
    with Relay() as relay:
        relay.refuse("MAIL", f"530 5.7.0 {QUOTING}")
        assert "wants us signed in" in fails(submission(relay.port), CredentialsRefused)


@pytest.mark.parametrize("stage", [CONNECT, "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_up_before_the_commit_is_out_of_reach(stage: str) -> None:
    with Relay(users={USER: CANARY}) as relay:
        relay.drop(stage)
        assert "broke off" in fails(submission(relay.port), MailboxUnreachable)
        assert relay.mails == ()


@pytest.mark.parametrize("stage", [CONNECT, "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_silent_server_is_given_up_before_the_commit(stage: str) -> None:
    with Relay(users={USER: CANARY}) as relay:
        relay.hang(stage)
        said = fails(submission(relay.port, timeout=0.15), MailboxUnreachable)
        relay.behave()
        assert relay.mails == ()
    assert "no answer in time" in said


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n", b"\xff\xfe\r\n", b"250" * 9_000, b"250-" + b"a" * 9_000 + b"\r\n"]
)
@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_an_answer_that_makes_no_sense_is_no_acceptance(stage: str, answer: bytes) -> None:
    with Script(**{stage: answer, "HELO": b"502 no\r\n"}) as script:
        fails(submission(script.port), MailboxUnreachable)
    assert script.text == b""


def test_what_a_server_says_beyond_ascii_harms_nothing() -> None:
    said = "你好 Grüße".encode("gb18030")
    answers = dict.fromkeys(("MAIL", "RCPT", "END"), b"250 2.0.0 " + said + b"\r\n")
    with Script(CONNECT=b"220 " + said + b"\r\n", EHLO=b"250 " + said + b"\r\n", **answers) as it:
        submission(it.port).send(REPLY, Commit())
    assert it.text


@pytest.mark.parametrize("answer", [b"421 4.3.2 later\r\n", b"550 5.7.1 go away\r\n"])
def test_a_server_that_wants_no_greeting_is_out_of_reach(answer: bytes) -> None:
    with Script(EHLO=answer, HELO=answer) as script:
        fails(submission(script.port), MailboxUnreachable)
    assert script.verbs()[:2] == ["EHLO", "HELO"]
    assert "MAIL" not in script.verbs()


def test_a_server_that_knows_no_extensions_gets_a_plain_mail() -> None:
    with Script(EHLO=b"502 5.5.1 what?\r\n", HELO=b"250 script\r\n") as script:
        submission(script.port).send(REPLY, Commit())
    assert f"MAIL FROM:<{USER}>" in script.seen
    assert script.dots == 1


def test_a_server_that_hangs_up_in_the_middle_of_the_mail_is_out_of_reach() -> None:
    large = replace(REPLY, text="A line of a long answer.\n" * 400_000)
    with Script() as script:
        script._read_text = lambda _: False  # type: ignore[method-assign, assignment]
        fails(submission(script.port), MailboxUnreachable, reply=large)
    assert script.dots == 0


def test_where_nobody_listens_the_server_is_out_of_reach() -> None:
    assert "nothing listens" in fails(submission(free_port()), MailboxUnreachable)


def test_a_host_name_that_can_be_none_is_out_of_reach() -> None:
    fails(submission(587, host="a" * 70 + ".example"), MailboxUnreachable)


# The commit


@pytest.mark.parametrize(
    "error",
    [
        SendingStopped("Sending is stopped."),
        DiskFull("There is no room."),
        OSError(errno.ENOSPC, "no space left"),
        TimeoutError("the database is locked"),
        ValueError("a bug"),
        KeyboardInterrupt(),
    ],
)
def test_a_commit_that_fails_stops_the_mail_and_its_error_passes(error: BaseException) -> None:
    def fail() -> None:
        raise error

    commit = Commit(fail)
    with Script() as script:
        with pytest.raises(type(error)) as caught:
            submission(script.port).send(REPLY, commit)
        script.ended()
    assert caught.value is error
    assert commit.calls == 1
    assert script.seen[-1] == "DATA"
    assert compose(REPLY).startswith(script.text)
    assert script.dots == 0


def test_a_server_discards_what_a_failed_commit_cut() -> None:
    def fail() -> None:
        raise SendingStopped("Sending is stopped.")

    with Relay() as relay:
        with pytest.raises(SendingStopped):
            submission(relay.port).send(REPLY, Commit(fail))
        submission(relay.port).send(replace(REPLY, id=MessageId("r2@office.example")), Commit())
        pause = threading.Event()
        for _ in range(2_000):
            if not relay.sessions:
                break
            pause.wait(0.005)
        assert not relay.sessions
    assert [mail.message_id for mail in relay.mails] == ["r2@office.example"]
    assert relay.seen(AFTER_THE_DOT) == 1


# After the commit


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("451 4.3.0", ReplyDeferred),
        ("452 4.3.1", ReplyDeferred),
        ("450 4.7.1", ReplyDeferred),
        ("554 5.7.1", ReplyRefused),
        ("550 5.4.1", ReplyRefused),
        ("530 5.7.0", ReplyRefused),
        ("552 5.3.4", ReplyRefused),
        ("421 4.3.2", MailboxUnreachable),
        ("421 4.4.0", MailboxUnreachable),
        ("451 4.4.2", MailboxUnreachable),
        ("354 2.0.0", MailboxUnreachable),
        ("334 2.0.0", MailboxUnreachable),
    ],
)
def test_an_answer_to_the_dot_is_definite_only_where_it_is(
    answer: str, expected: type[ApplianceError]
) -> None:
    with Relay() as relay:
        relay.refuse(AFTER_THE_DOT, f"{answer} {QUOTING}")
        said = fails(submission(relay.port), expected, committed=True)
        assert relay.mails == ()
        assert relay.seen(AFTER_THE_DOT) == 1
    assert answer in said


@pytest.mark.parametrize("taken", [True, False])
def test_a_server_that_hangs_up_after_the_dot_leaves_doubt(taken: bool) -> None:
    with Relay() as relay:
        relay.drop(AFTER_THE_DOT, taken=taken)
        fails(submission(relay.port), MailboxUnreachable, committed=True)
        assert len(relay.mails) == taken


def test_a_silent_server_after_the_dot_leaves_doubt() -> None:
    with Relay() as relay:
        relay.hang(AFTER_THE_DOT, taken=True)
        said = fails(submission(relay.port, timeout=0.1), MailboxUnreachable, committed=True)
        relay.behave()
    assert "no answer in time" in said
    assert len(relay.mails) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"2",
        b"25",
        b"nonsense\r\n",
        b"\xff\r\n",
        b"250-taken\r\n",
        b"250 " + b"a" * 9_000,
        b"5",
        b"-55 x\r\n",
        b"199 1.0.0\r\n",
        b"600 6.0.0\r\n",
    ],
)
def test_an_answer_to_the_dot_that_makes_no_sense_leaves_doubt(answer: bytes) -> None:
    with Script(END=answer, TEXT=b"") as script:
        sender = submission(script.port, timeout=0.1)
        fails(sender, MailboxUnreachable, committed=True)


def test_a_connection_that_dies_during_the_commit_leaves_doubt() -> None:
    with Relay() as relay:
        commit = Commit(relay.stop)
        fails(submission(relay.port), MailboxUnreachable, commit=commit, committed=True)
    assert relay.mails == ()


def test_a_relay_lost_behind_dovecot_is_doubt_for_it_may_have_taken_the_mail() -> None:
    with Relay() as relay, Dovecot({USER: CANARY}, relay=(relay.host, relay.port)) as dovecot:
        relay.drop(AFTER_THE_DOT, taken=True, times=1)
        sender = submission(dovecot.submission)
        said = fails(sender, MailboxUnreachable, committed=True)
        assert "421 4.4.0" in said
        assert relay.count(REPLY.id) == 1
        relay.refuse(AFTER_THE_DOT, "451 4.3.0 Later", times=1)
        fails(sender, ReplyDeferred, committed=True)
        sender.send(replace(REPLY, id=MessageId("r2@office.example")), Commit())
        assert relay.count("r2@office.example") == 1


@pytest.mark.parametrize("how", ["refuse", "drop", "hang"])
def test_a_bad_farewell_does_not_undo_a_success(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_FAREWELL_SECONDS", 0.1)
    sent: list[bytes] = []
    with Relay() as relay:
        getattr(relay, how)("QUIT", **({"reply": "500 5.0.0 no"} if how == "refuse" else {}))
        sender = submission(relay.port)
        sending = threading.Thread(target=lambda: sent.append(sender.send(REPLY, Commit())))
        sending.start()
        # Less than an answer to the dot may take: nobody waits so long for a farewell.
        sending.join(PATIENT)
        assert not sending.is_alive()
        assert relay.seen("QUIT") == 1
        assert [mail.raw for mail in relay.mails] == sent


# Addresses beyond ASCII


def international(recipient: str) -> Reply:
    return replace(REPLY, recipient=Address(recipient))


def test_an_international_recipient_is_reached_where_the_server_offers_it() -> None:
    with Relay() as relay:
        raw = submission(relay.port).send(international("用户@例子.公司"), Commit())
    (taken,) = relay.mails
    assert taken.recipients == ("用户@例子.公司",)
    assert taken.raw == raw
    assert "<用户@例子.公司>".encode() in raw
    read = mime.read(raw, mailbox="north", uid="1")
    assert read.to[0].address == "用户@例子.公司"


@pytest.mark.parametrize("eight_bit", [True, False])
def test_smtputf8_is_asked_for_with_8bitmime_where_that_is_offered(eight_bit: bool) -> None:
    offer = b"250-8BITMIME\r\n" if eight_bit else b""
    with Script(EHLO=b"250-script\r\n" + offer + b"250 SMTPUTF8\r\n") as script:
        submission(script.port).send(international("用户@例子.公司"), Commit())
    asked = " SMTPUTF8 BODY=8BITMIME" if eight_bit else " SMTPUTF8"
    assert f"MAIL FROM:<{USER}>{asked}" in script.seen
    assert "RCPT TO:<用户@例子.公司>" in script.seen


def test_an_international_recipient_is_refused_where_the_server_does_not_offer_it() -> None:
    with Relay(smtputf8=False) as relay:
        said = fails(
            submission(relay.port), ReplyRefused, reply=international("用户@customer.example")
        )
        assert relay.seen("MAIL") == 0
    assert "SMTPUTF8" in said


@pytest.mark.parametrize("smtputf8", [True, False])
def test_a_domain_beyond_ascii_needs_no_extension(smtputf8: bool) -> None:
    with Relay(smtputf8=smtputf8) as relay:
        submission(relay.port).send(international("li@例子.公司"), Commit())
    (taken,) = relay.mails
    assert taken.recipients == ("li@xn--fsqu00a.xn--55qx5d",)
    assert b"<li@xn--fsqu00a.xn--55qx5d>" in taken.raw


# Signing in


SPOKEN: Mapping[str, Literal["starttls", "implicit"]] = {
    "starttls": "starttls",
    "tls": "implicit",
}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_password_goes_over_an_encrypted_connection(security: Any, tmp_path: Path) -> None:
    with Relay(
        users={USER: CANARY}, tls=SPOKEN[security], require_tls=security == "starttls"
    ) as relay:
        ca_file = tmp_path / "ca.pem"
        relay.ca.cert_pem.write_to_path(str(ca_file))
        submission(relay.port, security=security, ca_file=ca_file).send(REPLY, Commit())
    assert relay.mails[0].login == USER
    assert relay.mails[0].encrypted


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("flaw", ["authority", "name"])
def test_a_certificate_that_is_not_trusted_is_for_a_person_and_sees_no_password(
    security: Any, flaw: str, tmp_path: Path
) -> None:
    names = ("other.example",) if flaw == "name" else ("127.0.0.1",)
    with Relay(users={USER: CANARY}, tls=SPOKEN[security], certificate_names=names) as relay:
        ca_file = tmp_path / "ca.pem"
        authority = trustme.CA() if flaw == "authority" else relay.ca
        authority.cert_pem.write_to_path(str(ca_file))
        sender = submission(relay.port, security=security, ca_file=ca_file)
        said = fails(sender, OperatorError)
        assert relay.seen("AUTH") == 0
    assert "certificate is not trusted" in said
    assert "ca_file" in said


def test_without_starttls_nobody_signs_in() -> None:
    with Script(EHLO=b"250-script\r\n250 AUTH PLAIN LOGIN\r\n") as script:
        said = fails(submission(script.port, security="starttls"), OperatorError)
    assert script.verbs() == ["EHLO", "QUIT"]
    assert "STARTTLS" in said


@pytest.mark.parametrize(
    "answer", [b"454 4.7.0 later\r\n", b"501 5.5.4 no\r\n", b"220 go\r\n", b""]
)
def test_a_starttls_that_fails_is_not_gone_without(answer: bytes) -> None:
    offer = b"250-script\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
    with Script(EHLO=offer, STARTTLS=answer, TEXT=b"") as script:
        fails(submission(script.port, security="starttls", timeout=0.2), MailboxUnreachable)
    assert not {"AUTH", "MAIL"} & set(script.verbs())


def test_a_silence_after_starttls_is_given_up() -> None:
    offer = b"250-script\r\n250 STARTTLS\r\n"
    with Script(EHLO=offer, STARTTLS=b"220-half an answer\r\n") as script:
        sender = submission(script.port, security="starttls", timeout=0.15)
        assert "no answer in time" in fails(sender, MailboxUnreachable)


def test_a_ca_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with Relay() as relay:
        with pytest.raises(ConfigError):
            submission(relay.port, security="tls", ca_file=tmp_path / "none").probe(Address(USER))
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text("nothing")
        with pytest.raises(ConfigError):
            submission(relay.port, security="tls", ca_file=ca_file).probe(Address(USER))


def test_a_server_in_the_clear_is_no_server_with_tls(tmp_path: Path) -> None:
    with Relay() as relay:
        said = fails(submission(relay.port, security="tls", timeout=0.5), MailboxUnreachable)
    assert "Check port and security" in said or "no answer" in said


LOGIN = {
    "EHLO": b"250-script\r\n250 AUTH CRAM-MD5 LOGIN\r\n",
    "AUTH": b"334 VXNlcm5hbWU6\r\n",
}
ASKED = b"334 UGFzc3dvcmQ6\r\n"


def test_login_is_used_where_plain_is_not_offered() -> None:
    with Script(**LOGIN, TEXT=(ASKED, b"235 2.7.0 ok\r\n")) as script:
        submission(script.port).send(REPLY, Commit())
    coded = [base64.b64encode(said.encode()).decode() for said in (USER, CANARY)]
    assert script.seen[1:4] == ["AUTH LOGIN", *coded]
    assert script.dots == 1


def test_a_login_that_asks_for_ever_is_no_sign_in() -> None:
    with Script(**LOGIN, TEXT=ASKED) as script:
        fails(submission(script.port), MailboxUnreachable)
    assert "MAIL" not in script.verbs()


@pytest.mark.parametrize("offer", [b"AUTH CRAM-MD5 XOAUTH2", b"AUTH GSSAPI"])
def test_a_password_is_shown_only_in_a_way_the_server_offers(offer: bytes) -> None:
    with Script(EHLO=b"250-script\r\n250 " + offer + b"\r\n") as script:
        said = fails(submission(script.port), OperatorError)
    assert script.verbs() == ["EHLO", "QUIT"]
    assert "a password" in said


def test_a_token_is_not_shown_as_a_password() -> None:
    with Script(EHLO=b"250-script\r\n250 AUTH PLAIN LOGIN\r\n") as script:
        said = fails(submission(script.port, sign_in=bearer(TOKEN)), OperatorError)
    assert script.verbs() == ["EHLO", "QUIT"]
    assert "an access token" in said


def test_old_servers_say_their_ways_with_an_equals_sign() -> None:
    with Script(EHLO=b"250-script\r\n250 AUTH=LOGIN PLAIN\r\n") as script:
        submission(script.port).send(REPLY, Commit())
    assert f"AUTH PLAIN {plain()}" in script.seen


def test_a_server_that_lets_nobody_sign_in_is_for_a_person(tmp_path: Path) -> None:
    with Relay(tls="implicit") as relay:
        ca_file = tmp_path / "ca.pem"
        relay.ca.cert_pem.write_to_path(str(ca_file))
        sender = submission(relay.port, security="tls", ca_file=ca_file)
        assert "Check the port" in fails(sender, OperatorError)


def test_a_refused_token_is_renewed_on_the_same_connection() -> None:
    with Relay(tokens={TOKEN}) as relay:
        submission(relay.port, sign_in=bearer("old", TOKEN)).send(REPLY, Commit())
        assert relay.seen("AUTH") == 2
        assert relay.seen(CONNECT) == 1
        assert relay.mails[0].login == USER


def test_a_token_that_is_refused_twice_is_for_a_person() -> None:
    with Relay(tokens={"another"}) as relay:
        said = fails(submission(relay.port, sign_in=bearer(TOKEN, TOKEN)), CredentialsRefused)
        assert relay.seen("AUTH") == 2
    assert "the access token" in said
    assert "(535 5.7.8)" in said


@pytest.mark.parametrize(
    ("offered", "shown"),
    [
        ("XOAUTH2 OAUTHBEARER", f"user={USER}\1auth=Bearer {TOKEN}\1\1"),
        ("OAUTHBEARER", f"n,a={USER},\1auth=Bearer {TOKEN}\1\1"),
    ],
)
def test_a_token_is_shown_in_the_way_the_server_offers(offered: str, shown: str) -> None:
    with Script(EHLO=f"250-script\r\n250 AUTH PLAIN {offered}\r\n".encode()) as script:
        submission(script.port, sign_in=bearer(TOKEN)).send(REPLY, Commit())
    coded = base64.b64encode(shown.encode()).decode()
    assert script.seen[1] == f"AUTH {offered.split(maxsplit=1)[0]} {coded}"
    assert script.dots == 1


def test_a_refused_token_is_answered_as_its_mechanism_wants() -> None:
    for offered, first, ended in (
        (b"XOAUTH2 OAUTHBEARER", f"user={USER}\1auth=Bearer {TOKEN}\1\1", ""),
        (b"OAUTHBEARER", f"n,a={USER},\1auth=Bearer {TOKEN}\1\1", "AQ=="),
    ):
        script = Script(
            EHLO=b"250-script\r\n250 AUTH PLAIN " + offered + b"\r\n",
            AUTH=b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n",
            TEXT=b"535 5.7.8 " + QUOTING.encode() + b"\r\n",
        )
        with script:
            fails(submission(script.port, sign_in=bearer(TOKEN, TOKEN)), CredentialsRefused)
        mechanism = offered.split()[0].decode()
        shown = f"AUTH {mechanism} {base64.b64encode(first.encode()).decode()}"
        assert script.seen[1:5] == [shown, ended, shown, ended]


def test_a_refused_password_is_not_shown_again_for_a_while() -> None:
    clock = FakeClock()
    with Relay(users={USER: "another"}) as relay:
        sender = submission(relay.port, sign_in=password(clock))
        for _ in range(3):
            fails(sender, CredentialsRefused)
        assert relay.seen(CONNECT) == relay.seen("AUTH") == 1
        clock._steady += REFUSED_SECONDS
        relay.users = {USER: CANARY}
        sender.send(REPLY, Commit())
        assert len(relay.mails) == 1


@pytest.mark.parametrize("answer", [b"nonsense\r\n", b"334 \r\n", b"454 4.7.0 later\r\n", b""])
def test_a_sign_in_that_nobody_refused_may_be_tried_again_at_once(answer: bytes) -> None:
    sign_in = password()
    script = Script(EHLO=b"250-script\r\n250 AUTH PLAIN\r\n", AUTH=answer, TEXT=b"454 no\r\n")
    with script:
        fails(submission(script.port, sign_in=sign_in), MailboxUnreachable)
    sign_in.stand_by_refusal()


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Relay(users={USER: CANARY}) as relay:
        submission(relay.port).send(REPLY, Commit())
        relay.refuse("AUTH", f"535 5.7.8 {QUOTING}")
        fails(submission(relay.port), CredentialsRefused)
    ours = [one for one in caplog.records if one.name.startswith("appliance")]
    assert ours == []


# Trying it out


def test_a_probe_sends_nothing_and_tells_what_is_offered() -> None:
    with Relay(users={USER: CANARY}) as relay:
        offered = submission(relay.port).probe(Address(USER))
        assert [relay.seen(one) for one in ("AUTH", "MAIL", "RSET", "QUIT")] == [1, 1, 1, 1]
        assert relay.seen("RCPT") == relay.seen("DATA") == 0
        assert relay.mails == ()
    assert {"8BITMIME", "SMTPUTF8", "SIZE", "AUTH"} <= set(offered)


def test_a_probe_fails_as_sending_would() -> None:
    with Relay(users={USER: CANARY}) as relay:
        relay.refuse("MAIL", f"550 5.7.60 {QUOTING}", times=1)
        with pytest.raises(CredentialsRefused, match=r"addresses.*550 5\.7\.60"):
            submission(relay.port).probe(Address(USER))
        relay.refuse("AUTH", f"535 5.7.8 {QUOTING}", times=1)
        with pytest.raises(CredentialsRefused, match=r"535 5\.7\.8"):
            submission(relay.port).probe(Address(USER))
        relay.stop()
        with pytest.raises(MailboxUnreachable, match="nothing listens"):
            submission(relay.port).probe(Address(USER))
