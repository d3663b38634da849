"""Mail out: one reply to a submission server, with a durable commit just before it may leave."""

import base64
import re
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

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
from appliance.mailbox import tls
from appliance.mailbox.compose import compose, wire_address
from appliance.mailbox.signin import SignIn

ANSWER_SECONDS: Final = 30.0
FINAL_SECONDS: Final = 120.0
"""A server may look long at a mail before it answers the dot; hanging up early makes doubt."""

_ENHANCED: Final = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_LINE_START: Final = re.compile(rb"^\.", re.MULTILINE)
_BROKEN: Final = (OSError, smtplib.SMTPException, EOFError, ValueError)
_GO_ON: Final = 354
_CLOSING: Final = 421
_CHALLENGE: Final = 334
_ACCEPTED: Final = range(200, 300)
_LATER: Final = range(400, 500)

Answer = tuple[int, bytes]


class Submission:
    """Hands replies to a submission server (RFC 6409), a connection for each.

    A connection for each costs a second and spares every doubt about what an old one still does.
    """

    def __init__(
        self, *, settings: SmtpSettings, sign_in: SignIn, timeout: float = ANSWER_SECONDS
    ) -> None:
        """``timeout``: seconds that an answer may take; to the dot more, see ``FINAL_SECONDS``."""
        self._settings = settings
        self._sign_in = sign_in
        self._timeout = timeout
        self._port = settings.port or PORTS["smtp"][settings.security]

    def send(self, reply: Reply, commit: Callable[[], None]) -> None:
        """Send; ``commit`` runs between the body and the dot that ends it (RFC 5321 §4.1.1.4).

        Before the dot a server must not deliver (§4.1.1.4, §3.8), so whatever goes wrong until then
        means that nothing left.

        Raises:
            MailboxUnreachable: before ``commit``: nothing left. After it: nobody knows.
            ReplyDeferred, ReplyRefused: definitely not sent; later, or never.
            CredentialsRefused, OperatorError: a person must change something; nothing left.
            Exception: whatever ``commit`` raises; nothing left.
        """
        international = not f"{reply.sender}{reply.recipient}".isascii()
        with self._signed_in() as connection:
            utf8 = international and connection.has_extn("smtputf8")
            raw = compose(reply, utf8=utf8)
            self._envelope(connection, reply, utf8=utf8)
            self._demand(connection.docmd("DATA"), _GO_ON, "the mail")
            connection.send(_dotted(raw))
            committed = False
            try:
                commit()
                committed = True
            finally:
                if not committed:
                    # Nothing but a hard cut ends a mail that must not end.
                    connection.close()
            if connection.sock is not None:
                connection.sock.settimeout(max(self._timeout, FINAL_SECONDS))
            connection.send(b".\r\n")
            answer = connection.getreply()
            if answer[0] not in _ACCEPTED:
                # 421 too: the server answers this mail with it, and closes (RFC 5321 §3.8).
                self._refuse(answer, "the mail")

    def probe(self, sender: Address) -> tuple[str, ...]:
        """Sign in and offer ``sender``, send nothing; returns what the server offers, in capitals.

        Raises:
            As ``send`` before its commit.
        """
        with self._signed_in() as connection:
            self._demand_sender(connection.mail(f"<{sender}>"))
            with suppress(*_BROKEN):
                connection.rset()
            return tuple(sorted(name.upper() for name in connection.esmtp_features))

    def _envelope(self, connection: smtplib.SMTP, reply: Reply, *, utf8: bool) -> None:
        options = ("SMTPUTF8", "BODY=8BITMIME") if utf8 else ()
        if utf8:
            connection.command_encoding = "utf-8"
        sender = "" if self._settings.null_envelope else wire_address(reply.sender, utf8=utf8)
        self._demand_sender(connection.mail(f"<{sender}>", options))
        code, said = connection.rcpt(f"<{wire_address(reply.recipient, utf8=utf8)}>")
        if code not in _ACCEPTED:
            self._refuse((code, said), "the recipient")

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        """A connection that is encrypted and signed in; said good-bye to where all went well."""
        self._sign_in.stand_by_refusal()
        connection: smtplib.SMTP | None = None
        try:
            connection = self._connected()
            self._authenticate(connection)
            yield connection
            with suppress(*_BROKEN):
                connection.quit()
        except _BROKEN as error:
            sentence = tls.failure(error, self._settings.host, self._port)
            raise tls.kind(error)(sentence) from error
        finally:
            if connection is not None:
                connection.close()

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        context = None if settings.security == "none" else tls.context(settings.ca_file)
        if settings.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(timeout=self._timeout, context=context)
        else:
            connection = smtplib.SMTP(timeout=self._timeout)
        # smtplib keeps the host for the certificate check of STARTTLS only when it connects itself.
        connection._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001
        code, said = connection.connect(settings.host, self._port)
        self._demand((code, said), 220, "the connection")
        connection.ehlo_or_helo_if_needed()
        if settings.security == "starttls":
            if not connection.has_extn("starttls"):
                connection.close()
                raise OperatorError(
                    f"{self._place}: the server does not offer STARTTLS. Use security = tls "
                    "(port 465)."
                )
            self._demand(connection.starttls(context=context), 220, "encryption")
            connection.ehlo_or_helo_if_needed()
        return connection

    def _authenticate(self, connection: smtplib.SMTP) -> None:
        offered = connection.esmtp_features.get("auth", "").upper().split()
        if not offered and self._settings.security == "none":
            # A relay on this very machine that knows us by where we come from.
            return
        if not offered:
            raise OperatorError(
                f"{self._place}: the server lets nobody sign in there. Use its submission port "
                "(587 with starttls, 465 with tls)."
            )
        self._sign_in.run(lambda secret: self._show(connection, offered, secret))

    def _show(self, connection: smtplib.SMTP, offered: list[str], secret: Secret) -> None:
        user, value = self._sign_in.user, secret.reveal()
        answer = _answer_to(connection, offered, user, value, bearer=self._sign_in.bearer)
        code = answer[0]
        if code in _ACCEPTED:
            return
        if code in _LATER:
            raise MailboxUnreachable(
                f"{self._place}: the server lets nobody sign in at the moment ({_shown(answer)})."
            )
        what = "the access token" if self._sign_in.bearer else "the user name or the password"
        raise CredentialsRefused(
            f"{self._place}: the server refused {what} ({_shown(answer)}). Check it for sending "
            "too: some providers allow SMTP only where it is switched on in their settings."
        )

    @property
    def _place(self) -> str:
        return f"{self._settings.host}:{self._port}"

    def _demand(self, answer: Answer, code: int, what: str) -> None:
        if answer[0] != code:
            self._refuse(answer, what)

    def _demand_sender(self, answer: Answer) -> None:
        code = answer[0]
        if code in _ACCEPTED:
            return
        if code in _LATER or code < 0:
            self._refuse(answer, "the sender")
        raise CredentialsRefused(
            f"{self._place}: this account may not send as the office's first address "
            f"({_shown(answer)}). Check `addresses` in office.toml and `user` in sign_in."
        )

    def _refuse(self, answer: Answer, what: str) -> NoReturn:
        """What a refusal means; its text may quote addresses and stays here."""
        code = answer[0]
        kind: type[ApplianceError] = ReplyRefused
        if code in _LATER:
            kind = ReplyDeferred
        elif not 500 <= code < 600:  # noqa: PLR2004 - the classes of RFC 5321 §4.2.1
            kind = MailboxUnreachable
        raise kind(f"{self._place}: the server refused {what} ({_shown(answer)}).")


def _answer_to(
    connection: smtplib.SMTP, offered: list[str], user: str, value: str, *, bearer: bool
) -> Answer:
    """Shows a secret (RFC 4954) and returns the last answer."""
    if bearer:
        mechanism, first = "XOAUTH2", f"user={user}\1auth=Bearer {value}\1\1"
        if "OAUTHBEARER" in offered and "XOAUTH2" not in offered:
            name = user.replace("=", "=3D").replace(",", "=2C")
            mechanism, first = "OAUTHBEARER", f"n,a={name},\1auth=Bearer {value}\1\1"
        answer = connection.docmd("AUTH", f"{mechanism} {_base64(first)}")
        # A refusal comes as a challenge first, which an empty line ends (RFC 7628 §3.2.3).
        return connection.docmd("") if answer[0] == _CHALLENGE else answer
    if "PLAIN" in offered or "LOGIN" not in offered:
        return connection.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{value}')}")
    answer = connection.docmd("AUTH", "LOGIN")
    for said in (user, value):
        if answer[0] != _CHALLENGE:
            break
        answer = connection.docmd(_base64(said))
    return answer


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _dotted(raw: bytes) -> bytes:
    """The mail with its dots doubled (RFC 5321 §4.5.2), ending in a whole line, without the end."""
    body = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    return _LINE_START.sub(b"..", body)


def _shown(answer: Answer) -> str:
    code, said = answer
    found = _ENHANCED.match(said)
    return f"{code} {found[1].decode()}" if found else str(code)
