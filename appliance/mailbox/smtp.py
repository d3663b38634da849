"""Mail out: one reply to a submission server, with a durable commit just before it may leave."""

import base64
import re
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from appliance.config.accounts import PORTS, SmtpSettings
from appliance.config.secrets import Secret
from appliance.domain.draft import Reply
from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    MailboxUnreachable,
    OperatorError,
    ReplyDeferred,
    ReplyRefused,
)
from appliance.domain.mail import Address
from appliance.mailbox import sasl, tls
from appliance.mailbox.compose import compose, wire_address
from appliance.mailbox.signin import SignIn

TO_THE_DOT: Final = 4
"""So many times longer may the answer to the dot take: filters run then; to hang up is doubt."""

_FAREWELL_SECONDS: Final = 2.0
_BROKEN: Final = (OSError, ValueError)
# A literal (RFC 5321 §4.1.3): looked up by nobody, and silent about the network behind us.
_OURSELVES: Final = "[127.0.0.1]"

_ENHANCED: Final = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_LINE_START: Final = re.compile(rb"^\.", re.MULTILINE)
_CHALLENGE, _CLOSING = 334, 421
_WELL, _GO_ON, _LATER, _NEVER = 2, 3, 4, 5  # first digits of an answer (RFC 5321 §4.2.1)
_NOT_SIGNED_IN: Final = frozenset({530, 534, 535, 538})

Answer = tuple[int, bytes]


class Submission:
    """Hands replies to a submission server (RFC 6409); no connection serves two of them."""

    def __init__(self, *, settings: SmtpSettings, sign_in: SignIn, timeout: float = 30.0) -> None:
        """``timeout``: seconds that an answer may take; to the dot ``TO_THE_DOT`` times as many."""
        self._settings = settings
        self._sign_in = sign_in
        self._timeout = timeout
        self._port = settings.port or PORTS["smtp"][settings.security]
        self._place = f"{settings.host}:{self._port}"

    def send(self, reply: Reply, commit: Callable[[], None]) -> bytes:
        """Send, and return the mail as it left; ``commit`` runs between its body and its dot.

        Before the dot no server delivers (RFC 5321 §4.1.1.4): what fails until then did not leave.

        Raises:
            As ``Mailbox.send``; and whatever ``commit`` raises: nothing left.
        """
        with self._signed_in() as connection:
            with self._sentences():
                raw, utf8 = _written(connection, reply)
                self._offer_sender(connection, reply.sender, utf8=utf8)
                recipient = f"TO:<{wire_address(reply.recipient, utf8=utf8)}>"
                self._demand(connection.docmd("RCPT", recipient), _WELL, "the recipient")
                self._demand(connection.docmd("DATA"), _GO_ON, "the mail")
            try:
                with self._sentences():
                    connection.send(_LINE_START.sub(b"..", raw))
                commit()
            except BaseException:
                # QUIT would be a line of the mail: only a cut ends a mail that must not end.
                _hang_up(connection, politely=False)
                raise
            with self._sentences():
                connection.send(b".\r\n")
                if connection.sock is not None:
                    connection.sock.settimeout(self._timeout * TO_THE_DOT)
                self._judge(connection.getreply())
        return raw

    def probe(self, sender: Address) -> tuple[str, ...]:
        """Sign in and offer ``sender``, send nothing; returns what the server offers, in capitals.

        Raises:
            As ``send`` before its commit.
        """
        with self._signed_in() as connection, self._sentences():
            utf8 = not sender.isascii() and connection.has_extn("smtputf8")
            self._offer_sender(connection, sender, utf8=utf8)
            connection.docmd("RSET")
            return tuple(sorted(name.upper() for name in connection.esmtp_features))

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        self._sign_in.stand_by_refusal()
        with self._sentences():
            connection = self._connected()
        try:
            with self._sentences():
                self._greet(connection)
                self._authenticate(connection)
            yield connection
        finally:
            _hang_up(connection, politely=True)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Says in a sentence what broke; never what the server said, which may quote addresses."""
        try:
            yield
        except smtplib.SMTPResponseException as error:
            answer = error.smtp_code, b""
            raise self._error(MailboxUnreachable, "the server is not ready", answer) from None
        except _BROKEN as error:
            # smtplib says of a time-out only that the connection closed.
            cause = error.__context__ if isinstance(error.__context__, TimeoutError) else error
            raise tls.kind(cause)(tls.failure(cause, self._settings.host, self._port)) from error

    def _error(self, kind: type[ApplianceError], said: str, answer: Answer) -> ApplianceError:
        return kind(f"{self._place}: {said} ({_shown(answer)}).")

    def _connected(self) -> smtplib.SMTP:
        host, port, timeout = self._settings.host, self._port, self._timeout
        if self._settings.security != "tls":
            return smtplib.SMTP(host, port, _OURSELVES, timeout)
        context = tls.context(self._settings.ca_file)
        return smtplib.SMTP_SSL(host, port, _OURSELVES, timeout=timeout, context=context)

    def _greet(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self._settings.security != "starttls":
            return
        if not connection.has_extn("starttls"):
            raise OperatorError(f"{self._place} does not offer STARTTLS. Use security = tls.")
        connection.starttls(context=tls.context(self._settings.ca_file))
        connection.ehlo_or_helo_if_needed()

    def _authenticate(self, connection: smtplib.SMTP) -> None:
        offered = connection.esmtp_features.get("auth", "").upper().split()
        if not offered and self._settings.security == "none":
            # A relay on this very machine that knows us by where we come from.
            return
        bearer = self._sign_in.bearer
        known = ("XOAUTH2", "OAUTHBEARER") if bearer else ("PLAIN", "LOGIN")
        mechanism = next((one for one in known if one in offered), None)
        if mechanism is None:
            said = f"nobody can sign in with {'an access token' if bearer else 'a password'} there"
            raise OperatorError(f"{self._place}: {said}. Check the port and `method` in sign_in.")
        self._sign_in.run(lambda secret: self._show(connection, mechanism, secret))

    def _show(self, connection: smtplib.SMTP, mechanism: str, secret: Secret) -> None:
        answer = _authenticated(connection, mechanism, self._sign_in.user, secret.reveal())
        if answer[0] // 100 == _NEVER:
            what = "the access token" if self._sign_in.bearer else "the user name or password"
            said = f"the server refused {what}; some allow sending only once it is switched on"
            raise self._error(CredentialsRefused, said, answer)
        if answer[0] // 100 != _WELL:
            raise self._error(MailboxUnreachable, "nobody can sign in at the moment", answer)

    def _offer_sender(self, connection: smtplib.SMTP, sender: Address, *, utf8: bool) -> None:
        null = self._settings.null_envelope
        parameters = ""
        if utf8:
            connection.command_encoding = "utf-8"
            parameters = " SMTPUTF8" + " BODY=8BITMIME" * connection.has_extn("8bitmime")
        shown = "" if null else wire_address(sender, utf8=utf8)
        answer = connection.docmd("MAIL", f"FROM:<{shown}>{parameters}")
        if answer[0] // 100 == _NEVER and answer[0] not in _NOT_SIGNED_IN:
            look = "`null_envelope`" if null else "`addresses` in office.toml"
            said = f"the account may not send so; check {look} and `user` in sign_in"
            raise self._error(CredentialsRefused, said, answer)
        self._demand(answer, _WELL, "the sender")

    def _demand(self, answer: Answer, digit: int, what: str) -> None:
        """Raises what an answer before the commit means, unless it begins with ``digit``."""
        if answer[0] in _NOT_SIGNED_IN:
            said = "the server wants us signed in; check `security` and sign_in"
            raise self._error(CredentialsRefused, said, answer)
        if answer[0] // 100 != digit:
            raise self._error(_kind(answer[0]), f"the server does not take {what}", answer)

    def _judge(self, answer: Answer) -> None:
        """Raises what the answer to the dot means, unless the server took the mail.

        421 should be a refusal (RFC 5321 §4.2.1). But Dovecot's submission service says it, others
        a network code (X.4.y, RFC 3463 §3.5), when they lost the relay behind them, which may have
        taken the mail. So nobody knows.
        """
        kind = MailboxUnreachable if " 4.4." in _shown(answer) else _kind(answer[0])
        if answer[0] // 100 != _WELL:
            raise self._error(kind, "the server does not confirm the mail", answer)


def _hang_up(connection: smtplib.SMTP, *, politely: bool) -> None:
    """Close the connection, with QUIT if it is still there; what happens here matters no more."""
    with suppress(*_BROKEN):
        if politely and connection.sock is not None:
            connection.sock.settimeout(_FAREWELL_SECONDS)
            connection.docmd("QUIT")
    with suppress(*_BROKEN):
        connection.close()


def _written(connection: smtplib.SMTP, reply: Reply) -> tuple[bytes, bool]:
    """The mail, and whether it needs SMTPUTF8, which not every server on its way may offer."""
    try:
        return compose(reply), False
    except ReplyRefused:
        if not connection.has_extn("smtputf8"):
            raise
        return compose(reply, utf8=True), True


def _authenticated(connection: smtplib.SMTP, mechanism: str, user: str, value: str) -> Answer:
    """The last answer to a sign-in (RFC 4954)."""
    if mechanism == "LOGIN":
        answer = connection.docmd("AUTH", "LOGIN")
        for said in (user, value):
            answer = connection.docmd(_base64(said)) if answer[0] == _CHALLENGE else answer
        return answer
    answer = connection.docmd(
        "AUTH", f"{mechanism} {_base64(sasl.opening(mechanism, user, value))}"
    )
    if answer[0] == _CHALLENGE:
        return connection.docmd(_base64(sasl.closing(mechanism)))
    return answer


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _kind(code: int) -> type[ApplianceError]:
    """What a refusal is worth; 421 says that the connection ends, not that the mail is refused."""
    if code // 100 == _LATER and code != _CLOSING:
        return ReplyDeferred
    return ReplyRefused if code // 100 == _NEVER else MailboxUnreachable


def _shown(answer: Answer) -> str:
    """The code and the enhanced code (RFC 3463); what else a server says may quote addresses."""
    found = _ENHANCED.match(answer[1])
    return f"{answer[0]} {found[1].decode()}" if found else str(answer[0])
