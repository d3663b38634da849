"""The line to an Exchange server: one account, signed in, one HTTP request for one call."""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
from exchangelib import Account
from exchangelib.credentials import DELEGATE, IMPERSONATION
from exchangelib.errors import EWSError
from exchangelib.transport import NTLM, get_auth_instance
from requests.auth import HTTPBasicAuth

from appliance.config.accounts import ExchangeSettings
from appliance.config.mailboxes import is_local
from appliance.config.secrets import Secret
from appliance.domain.errors import ApplianceError, ConfigError, MailboxUnreachable
from appliance.mailbox.exchange.answers import Answers, rest_seconds
from appliance.mailbox.exchange.elements import Element, text_of
from appliance.mailbox.exchange.faults import BUSY, NoRight, NotSent, fault
from appliance.mailbox.exchange.library import OneAccount, OneProtocol, configuration, service
from appliance.mailbox.exchange.wire import Wire
from appliance.mailbox.mailstore import LIMIT_FACTOR
from appliance.mailbox.signin import SignIn

T = TypeVar("T")

_PATH: Final = "/EWS/Exchange.asmx"
_CONNECT_SECONDS: Final = 10.0
_OK: Final = "NoError"


class Line:
    """One account by up to ``connections`` connections. Safe for threads.

    A request is made once, whatever comes of it: only a refused token is renewed and shown again,
    and a server that refuses one has done nothing.
    """

    def __init__(
        self,
        *,
        settings: ExchangeSettings,
        sign_in: SignIn,
        wire: Wire,
        connections: int,
    ) -> None:
        self._settings = settings
        self._sign_in = sign_in
        self.wire = wire
        self._connections = connections
        self._lock = threading.Lock()
        self._known: tuple[Secret, Account] | None = None
        self._answers = Answers(wire)
        self.timeout = (connect_seconds(settings), settings.timeout_seconds)
        self.address = address_of(settings, sign_in)

    def ask(self, operation: str, body: Element) -> list[Element]:
        """Make one request and give its response messages, whatever they say.

        Raises:
            CredentialsRefused, MailboxUnreachable, StateLost, ConfigError: as the faults say.
        """
        return self.run(lambda account: self._asked(account, operation, body))

    def ask_one(self, operation: str, body: Element) -> Element:
        """Make a request with a single response message, and check what it says."""
        messages = self.ask(operation, body)
        if not messages:
            raise fault("")
        return self.checked(messages[0])

    def run(self, act: Callable[[Account], T]) -> T:
        """Do something with the signed-in account; a refused token is renewed and it is redone."""
        done: list[T] = []
        refused: list[NoRight] = []

        def show(secret: Secret) -> None:
            try:
                done.append(act(self._account(secret)))
            except NoRight as error:
                # The server knows us: this says nothing about the password.
                refused.append(error)

        self._sign_in.run(show)
        if refused:
            raise refused[-1]
        return done[-1]

    def ask_now(self, operation: str, body: Element) -> list[Element]:
        """As ``ask``, signed in as before: nothing is renewed and nothing redone.

        Raises:
            SignInRefused: the server did nothing.
            NotSent: the request never reached it.
        """
        with self._lock:
            known = self._known
        if known is None:
            raise NotSent("The connection to the Exchange server is closed.")
        return self._asked(known[1], operation, body)

    def checked(self, message: Element) -> Element:
        """A response message that says that all went well.

        Raises:
            as ``faults.fault``.
        """
        error = self.failure(message)
        if error is not None:
            raise error
        return message

    def failure(self, message: Element) -> ApplianceError | None:
        """What a response message says went wrong, or None."""
        code = (text_of(message, "m:ResponseCode") or "").strip()
        if code == _OK:
            return None
        if code == BUSY:
            self.wire.shut(rest_seconds(message))
        return fault(code if code.isalnum() else "")

    def close(self) -> None:
        """Close what is idle; a request that runs closes its connection itself."""
        with self._lock:
            known, self._known = self._known, None
        if known is not None:
            known[1].protocol.close()

    def _asked(self, account: Account, operation: str, body: Element) -> list[Element]:
        try:
            return service(operation)(account=account, timeout=self.timeout).messages(body)
        except EWSError as error:
            # The name of its class is the code; its text may quote what was sent.
            code = type(error).__name__
            raise fault(code if code.startswith("Error") else "") from None
        except (SyntaxError, AttributeError, KeyError, PermissionError):
            # Their texts may quote the answer, too.
            raise MailboxUnreachable(
                f"{self.wire.host}: the answer is not one that an Exchange server gives."
            ) from None

    def _account(self, secret: Secret) -> Account:
        with self._lock:
            if self._known is not None and self._known[0] == secret:
                return self._known[1]
            if self._known is not None:
                self._known[1].protocol.close()
            protocol = OneProtocol(
                config=configuration(self.wire.url, self._answers, self._connections)
            )
            protocol.session_made = lambda: self.wire.session(self._auth(secret))
            access = DELEGATE if self._settings.access == "delegate" else IMPERSONATION
            account = OneAccount(protocol=protocol, address=self.address, access=access)
            self._known = (secret, account)
            return account

    def _auth(self, secret: Secret) -> Callable[[Any], Any]:
        if self._sign_in.bearer:
            return _Bearer(secret)
        user, password = self._sign_in.user, secret.reveal()
        made: Callable[[Any], Any]
        if self._settings.auth == "ntlm":
            made = get_auth_instance(NTLM, username=user, password=password)
        else:
            # As bytes, for the library takes text to be Latin-1 (RFC 7617 §2.1 says UTF-8).
            made = HTTPBasicAuth(user.encode(), password.encode())
        return made


def connect_seconds(settings: ExchangeSettings) -> float:
    """So long a connection may take to come about, before anything is sent."""
    return min(_CONNECT_SECONDS, settings.timeout_seconds)


def limit_seconds(settings: ExchangeSettings, sign_in: SignIn) -> float:
    """As ``MailStore.limit_seconds``; NTLM asks three times before it is heard (MS-NTHT §3.2)."""
    asked = 1 if sign_in.bearer or settings.auth == "basic" else 3
    once = connect_seconds(settings) + settings.timeout_seconds
    return asked * once + (LIMIT_FACTOR - 1) * settings.timeout_seconds


def endpoint(settings: ExchangeSettings) -> str:
    """The address of EWS.

    Raises:
        ConfigError: it is none, or would send the password in the clear to another machine.
    """
    server = settings.server.strip()
    url = server if "://" in server else f"https://{server}"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
        bare = parts.path in {"", "/"}
    except ValueError:
        scheme, host, bare = "", None, False
    if not host or scheme not in {"https", "http"}:
        raise ConfigError(("mailbox.exchange.server: must name a server or its https address.",))
    if scheme == "http" and not is_local(host):
        raise ConfigError(("mailbox.exchange.server: must begin with https://.",))
    return url.rstrip("/") + _PATH if bare else url


def address_of(settings: ExchangeSettings, sign_in: SignIn) -> str | None:
    """The address of the mailbox; None: the one of whoever signs in.

    Raises:
        ConfigError: somebody shall be impersonated, and nothing says who.
    """
    if settings.mailbox:
        return settings.mailbox
    if "@" in sign_in.user:
        return sign_in.user
    if settings.access == "impersonation":
        raise ConfigError(("mailbox.exchange.mailbox: is missing; impersonation needs it.",))
    return None


class _Bearer:
    """RFC 6750 §2.1."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        return request
