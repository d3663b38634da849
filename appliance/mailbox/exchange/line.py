"""The line to an Exchange server: one account, signed in, one HTTP request for one call."""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
from exchangelib import Account, Configuration
from exchangelib.account import Identity
from exchangelib.credentials import DELEGATE, IMPERSONATION
from exchangelib.errors import EWSError, SessionPoolMinSizeReached
from exchangelib.ewsdatetime import UTC
from exchangelib.protocol import CachingProtocol
from exchangelib.protocol import Protocol as LibraryProtocol
from exchangelib.services.common import EWSAccountService
from exchangelib.transport import NOAUTH
from exchangelib.util import to_xml
from exchangelib.version import EXCHANGE_2013_SP1, Version
from requests.auth import HTTPBasicAuth
from requests_ntlm import HttpNtlmAuth

from appliance.config.accounts import ExchangeSettings
from appliance.config.mailboxes import is_local
from appliance.config.secrets import Secret
from appliance.domain.errors import ApplianceError, ConfigError, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.exchange.elements import Element, text_of
from appliance.mailbox.exchange.faults import BUSY, NoRight, fault
from appliance.mailbox.exchange.wire import BUSY_SECONDS, Answers, Wire
from appliance.mailbox.signin import SignIn

T = TypeVar("T")

"""For connecting, and for each silence within an answer."""

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
        clock: Clock,
        connections: int,
    ) -> None:
        self._settings = settings
        self._sign_in = sign_in
        self._wire = wire
        self._connections = connections
        self._lock = threading.Lock()
        self._known: tuple[Secret, Account] | None = None
        self.answers = Answers(wire, clock)
        self.timeout = settings.timeout_seconds
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
            raise MailboxUnreachable("The connection to the Exchange server is closed.")
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
            self.answers.shut(BUSY_SECONDS)
        return fault(code if code.isalnum() else "")

    def close(self) -> None:
        """Close what is idle; a request that runs closes its connection itself."""
        with self._lock:
            known, self._known = self._known, None
        if known is not None:
            known[1].protocol.close()

    def _asked(self, account: Account, operation: str, body: Element) -> list[Element]:
        try:
            return _service(operation)(account=account, timeout=self.timeout).messages(body)
        except EWSError as error:
            # The name of its class is the code; its text may quote what was sent.
            code = type(error).__name__
            raise fault(code if code.startswith("Error") else "") from None
        except (SyntaxError, AttributeError, KeyError, PermissionError) as error:
            raise MailboxUnreachable(
                f"{self._wire.host}: the answer is not one that an Exchange server gives."
            ) from error

    def _account(self, secret: Secret) -> Account:
        with self._lock:
            if self._known is not None and self._known[0] == secret:
                return self._known[1]
            if self._known is not None:
                self._known[1].protocol.close()
            protocol = _Protocol(
                config=_configuration(self._wire.url, self.answers, self._connections)
            )
            protocol.session_made = lambda: self._wire.session(self._auth(secret))
            access = DELEGATE if self._settings.access == "delegate" else IMPERSONATION
            account = _Account(protocol=protocol, address=self.address, access=access)
            self._known = (secret, account)
            return account

    def _auth(self, secret: Secret) -> Callable[[Any], Any]:
        if self._sign_in.bearer:
            return _Bearer(secret)
        kind = HttpNtlmAuth if self._settings.auth == "ntlm" else HTTPBasicAuth
        made: Callable[[Any], Any] = kind(self._sign_in.user, secret.reveal())
        return made


def endpoint(settings: ExchangeSettings) -> str:
    """The address of EWS.

    Raises:
        ConfigError: it is none, or would send the password in the clear to another machine.
    """
    server = settings.server.strip()
    url = server if "://" in server else f"https://{server}/EWS/Exchange.asmx"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    if not host or scheme not in {"https", "http"}:
        raise ConfigError(("mailbox.exchange.server: must name a server or its https address.",))
    if scheme == "http" and not is_local(host):
        raise ConfigError(("mailbox.exchange.server: must begin with https://.",))
    return url


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


def _configuration(url: str, answers: Answers, connections: int) -> Configuration:
    """What every server since 2013 SP1 understands is spoken; the server says what it is itself."""
    return Configuration(
        service_endpoint=url,
        auth_type=NOAUTH,
        version=Version(EXCHANGE_2013_SP1, "Exchange2013_SP1"),
        retry_policy=answers,
        max_connections=connections,
    )


class _Uncached(CachingProtocol):  # type: ignore[misc]
    """The library shares a protocol between all who name the same server without credentials."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - a metaclass
        return type.__call__(cls, *args, **kwargs)


class _Protocol(LibraryProtocol, metaclass=_Uncached):  # type: ignore[misc]
    """The library's pool of sessions, ours inside; it never gives up one to repeat a request."""

    def __init__(self, config: Configuration) -> None:
        super().__init__(config=config)
        self.session_made: Callable[[], requests.Session] = requests.Session
        self._made = 0

    def create_session(self) -> requests.Session:
        session: Any = self.session_made()
        self._made += 1
        session.session_id = self._made
        session.usage_count = 0
        made: requests.Session = session
        return made

    def decrease_poolsize(self) -> None:
        raise SessionPoolMinSizeReached("One connection is given to one request.")

    @property
    def session_pool_size(self) -> int:
        """As told to those who would repeat a request on one connection less."""
        return 1


class _Account(Account):  # type: ignore[misc]
    """What services ask of an account; the library's own constructor shares its protocol."""

    def __init__(self, *, protocol: LibraryProtocol, address: str | None, access: str) -> None:
        self.protocol = protocol
        self.access_type = access
        self.identity = Identity(primary_smtp_address=address)
        self.default_timezone = UTC
        self.affinity_cookie = None
        self.locale = None
        self.fullname = None
        self.ad_response = None
        self._version = None
        self._version_lock = threading.Lock()


class _Service(EWSAccountService):  # type: ignore[misc]
    """One operation of EWS: wrapped, sent once, unwrapped."""

    def messages(self, body: Element) -> list[Element]:
        return list(self._get_response_xml(payload=body))

    def _api_versions_to_try(self) -> tuple[str]:
        """The library asks again with older versions where a request is called invalid."""
        return (self._version_hint.api_version,)

    @classmethod
    def _get_soap_parts(cls, response: requests.Response) -> tuple[Element, Element]:
        """The library reads an answer that lies in memory byte by byte."""
        root = to_xml(response.content).getroot()
        header, body = (root.find(f"{{{_SOAP}}}{name}") for name in ("Header", "Body"))
        if body is None:
            raise SyntaxError("no Body")
        return header, body


_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"


def _service(operation: str) -> type[_Service]:
    return type(operation, (_Service,), {"SERVICE_NAME": operation})
