"""The line to an Exchange server: one account of exchangelib, signed in, its errors translated."""

import struct
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
from exchangelib import DELEGATE, IMPERSONATION, Account, Identity
from exchangelib.errors import ErrorServerBusy, EWSError
from exchangelib.transport import NTLM, get_auth_instance
from requests.auth import HTTPBasicAuth

from appliance.config.accounts import ExchangeSettings
from appliance.config.mailboxes import is_local
from appliance.config.secrets import Secret
from appliance.domain.errors import ApplianceError, ConfigError, MailboxUnreachable
from appliance.mailbox.exchange.account import opened
from appliance.mailbox.exchange.answers import BUSY_SECONDS, Answers
from appliance.mailbox.exchange.faults import BUSY, NoRight, NotSent, fault
from appliance.mailbox.exchange.wire import Wire
from appliance.mailbox.mailstore import LIMIT_FACTOR, connect_seconds
from appliance.mailbox.signin import Bearer, SignIn

T = TypeVar("T")

_MALFORMED: Final = (
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    SyntaxError,
    PermissionError,
    struct.error,
)
"""What the libraries make of an answer, or of a sign-in, that lacks what every one has."""

_PATH: Final = "/EWS/Exchange.asmx"
_ACCESS: Final = {"delegate": DELEGATE, "impersonation": IMPERSONATION}


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
        self._connections = connections
        self._lock = threading.Lock()
        self._known: tuple[Secret, Account] | None = None
        self._address = address_of(settings, sign_in)
        self.wire = wire
        self.timeout = (connect_seconds(settings), settings.timeout_seconds)

    def run(self, act: Callable[[Account], T]) -> T:
        """Do something with the signed-in account; a refused token is renewed and it is redone.

        Raises:
            CredentialsRefused, MailboxUnreachable, StateLost, ConfigError: as the faults say.
        """
        done: list[T] = []
        refused: list[NoRight] = []

        def show(secret: Secret) -> None:
            try:
                done.append(self._acted(self._account(secret), act))
            except NoRight as error:
                # The server knows us: this says nothing about the password.
                refused.append(error)

        self._sign_in.run(show)
        if refused:
            raise refused[-1]
        return done[-1]

    def run_now(self, act: Callable[[Account], T]) -> T:
        """As ``run``, signed in as before: nothing is renewed and nothing redone.

        Raises:
            SignInRefused: the server did nothing.
            NotSent: the request never reached it.
        """
        with self._lock:
            known = self._known
        if known is None:
            raise NotSent("The connection to the Exchange server is closed.")
        return self._acted(known[1], act)

    def checked(self, result: Any) -> Any:
        """One of the results of a call for many: what it is, or the error it is, raised."""
        if isinstance(result, EWSError):
            raise self.translated(result) from None
        return result

    def translated(self, error: EWSError) -> ApplianceError:
        """What an error of the library means; its own text may quote what was sent."""
        cause = error.__context__
        if isinstance(cause, requests.RequestException):
            said: Any = self.wire.failure(cause)
            return said if isinstance(said, ApplianceError) else fault("")
        if isinstance(error, ErrorServerBusy) and isinstance(cause, EWSError):
            # The library calls a server busy that answered something else.
            error = cause
        code = type(error).__name__
        if code == BUSY:
            self.wire.shut(error.back_off or BUSY_SECONDS)
        return fault(code if code.startswith("Error") else "")

    def close(self) -> None:
        """Close what is idle; a request that runs closes its connection itself."""
        with self._lock:
            known, self._known = self._known, None
        if known is not None:
            known[1].protocol.close()

    def _acted(self, account: Account, act: Callable[[Account], T]) -> T:
        try:
            return act(account)
        except EWSError as error:
            raise self.translated(error) from None
        except requests.RequestException as error:
            # What the library passes on, such as an answer that cannot be unpacked.
            raise self.wire.failure(error) from None
        except _MALFORMED:
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
            auth = self._auth(secret)
            account = opened(
                url=self.wire.url,
                policy=Answers(self.wire),
                connections=self._connections,
                fit=lambda session: self.wire.fit(session, auth),
            )
            account.identity = Identity(primary_smtp_address=self._address)
            account.access_type = _ACCESS[self._settings.access]
            account.protocol.TIMEOUT = self.timeout
            self._known = (secret, account)
            return account

    def _auth(self, secret: Secret) -> Callable[[Any], Any]:
        if self._sign_in.bearer:
            return Bearer(secret)
        user, password = self._sign_in.user, secret.reveal()
        made: Callable[[Any], Any]
        if self._settings.auth == "ntlm":
            made = get_auth_instance(NTLM, username=user, password=password)
        else:
            # As bytes, for the library takes text to be Latin-1 (RFC 7617 §2.1 says UTF-8).
            made = HTTPBasicAuth(user.encode(), password.encode())
        return made


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
