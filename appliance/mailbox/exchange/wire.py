"""HTTP to an Exchange server: certificates, rest when it asks for it, what a status means.

exchangelib's own sessions would trust another list of authorities, share a connection between
mailboxes and answer some failures by sending a request again.
"""

import logging
import math
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from exchangelib.protocol import RetryPolicy
from exchangelib.util import ENS, TNS, to_xml
from requests.adapters import HTTPAdapter

from appliance.domain.errors import ConfigError, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.exchange.faults import BUSY, NoRight, NotSent, SignInRefused, fault
from appliance.mailbox.gate import Gate
from appliance.mailbox.record import Recorder

BUSY_SECONDS: Final = 10.0
"""How long a busy server is left alone that does not say how long."""

_LONGEST_REST: Final = 3600.0
_PORTS: Final = {"http": 80, "https": 443}
_OK: Final = 200
_SCHEMES: Final = ("NTLM", "Basic", "Bearer", "Negotiate")


def silence() -> None:
    """Keep the libraries from logging: they log whole requests, mail and all, on a failure."""
    for name in ("exchangelib", "spnego", "requests_ntlm"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class Wire:
    """Makes the HTTP sessions of one account."""

    def __init__(
        self, *, url: str, context: ssl.SSLContext, gate: Gate, recorder: Recorder | None
    ) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS.get(parts.scheme, 0)
        self.context = context
        self.gate = gate
        self.recorder = recorder

    def session(self, auth: Callable[[Any], Any]) -> requests.Session:
        """A session of one connection; nothing in the environment changes whom it trusts."""
        session = _Session(self)
        session.trust_env = False
        session.auth = auth
        proxies = requests.utils.get_environ_proxies(self.url, no_proxy=None)
        session.proxies.update(proxies)
        session.mount("https://", _Adapter(self))
        session.mount("http://", _Adapter(self))
        session.headers.update({"Content-Type": "text/xml; charset=utf-8"})
        return session


class _Adapter(HTTPAdapter):
    """One connection; each of its requests asks the gate first, NTLM's handshake included."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._wire.context)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._wire.context)

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        """Whom to trust is the context's business alone."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """As above: no list of authorities is added."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            self._wire.gate.enter()
        except MailboxUnreachable as error:
            raise NotSent(str(error)) from error
        return super().send(request, *args, **kwargs)


class _Session(requests.Session):
    """Says what went wrong in our words, and has answers taken down.

    NTLM's handshake must see an answer before it is read, so this cannot be the adapter's work.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as error:
            raise self._failure(error) from error
        if self._wire.recorder is not None:
            self._wire.recorder.note(
                request.method or "",
                request.url or "",
                _bytes(request.body),
                response.status_code,
                response.headers,
                b"" if kwargs.get("stream") else response.content,
            )
        return response

    def _failure(self, error: requests.RequestException) -> Exception:
        reason = _reason(error)
        said = tls.failure(reason, self._wire.host, self._wire.port)
        kind = tls.kind(reason)
        if kind is MailboxUnreachable and _never_sent(error):
            return NotSent(said)
        return kind(said)


class Answers(RetryPolicy):  # type: ignore[misc]
    """What an HTTP answer means before any of its XML is looked at; nothing is ever repeated."""

    fail_fast = True
    back_off_until = None

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock

    def back_off(self, seconds: float) -> None:
        """The library's own rest is not used."""

    def raise_response_errors(self, response: requests.Response) -> None:
        """Pass an answer that holds what was asked for.

        Raises:
            Fault, NoRight, StateLost, ConfigError: as ``faults.fault``.
            SignInRefused: 401.
            MailboxUnreachable: any other failure; the gate is shut where the server wants that.
        """
        status = response.status_code
        if status == _OK:
            return
        if status in {429, 503}:
            self._rest(response.headers.get("Retry-After"))
        if status == 500:  # noqa: PLR2004
            self._soap_fault(response.content)
        raise self._failure(status, response.headers)

    def _failure(self, status: int, headers: Mapping[str, str]) -> Exception:
        place = f"{self._wire.host}:{self._wire.port}"
        if status == 401:  # noqa: PLR2004
            return SignInRefused(_refused(place, headers.get("WWW-Authenticate", "")))
        if status == 403:  # noqa: PLR2004
            return NoRight(
                f"{place}: the server lets whoever signs in not use EWS (HTTP 403). "
                "docs/exchange.md says which right is needed."
            )
        if status == 404:  # noqa: PLR2004
            return ConfigError(
                (f"mailbox.exchange.server: {place} has no EWS at this address (HTTP 404).",)
            )
        return MailboxUnreachable(f"{place}: the server answered with HTTP {status}.")

    def _soap_fault(self, content: bytes) -> None:
        """Raise what a fault says, if it says anything in EWS's words."""
        code, milliseconds = soap_fault(content)
        if code == BUSY:
            self.shut(BUSY_SECONDS if milliseconds is None else milliseconds / 1000)
        if code:
            raise fault(code)

    def shut(self, seconds: float) -> None:
        """Ask nothing of the server for so long."""
        if math.isfinite(seconds):
            self._wire.gate.shut(min(max(seconds, 0.0), _LONGEST_REST))

    def _rest(self, wish: str | None) -> None:
        """RFC 9110 §10.2.3: seconds or a date."""
        if not wish:
            return
        if wish.strip().isdecimal():
            self.shut(float(wish))
            return
        with suppress(ValueError, TypeError, OverflowError):
            self.shut((parsedate_to_datetime(wish) - self._clock.now()).total_seconds())


def soap_fault(content: bytes) -> tuple[str, float | None]:
    """The response code of a SOAP fault and the rest it asks for (milliseconds), as far as told."""
    try:
        root = to_xml(content).getroot()
    except (SyntaxError, AttributeError):
        return "", None
    codes = [one.text for one in root.iter(f"{{{ENS}}}ResponseCode") if one.text]
    rest = None
    for one in root.iter(f"{{{TNS}}}Value"):
        if one.get("Name") == "BackOffMilliseconds":
            with suppress(ValueError, TypeError):
                rest = float(one.text)
    code = codes[0] if codes else _fault_code(root)
    return code.strip() if code.strip().isalnum() else "", rest


def _fault_code(root: Any) -> str:
    """SOAP 1.1 §4.4.1: ``a:ErrorSchemaValidation``; only what EWS names counts."""
    said = next((one.text or "" for one in root.iter("faultcode")), "")
    name: str = said.rpartition(":")[2]
    return name if name.startswith("Error") else ""


def _refused(place: str, offered: str) -> str:
    schemes = [one for one in _SCHEMES if one.lower() in offered.lower()]
    offers = f" It offers: {', '.join(schemes)}." if schemes else ""
    return f"{place}: the server refused the user name, the password or the access token.{offers}"


def _reason(error: BaseException) -> BaseException:
    """What is at the bottom of it: the libraries wrap an error into errors."""
    seen: BaseException = error
    for _ in range(8):
        inner = _inner(seen)
        if inner is None:
            break
        seen = inner
    return seen


def _inner(error: BaseException) -> BaseException | None:
    candidates = (getattr(error, "reason", None), *error.args, error.__cause__, error.__context__)
    return next((one for one in candidates if isinstance(one, BaseException)), None)


def _never_sent(error: requests.RequestException) -> bool:
    """No connection was made, so no request can have reached the server."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    wrapped = error.args[0] if error.args else None
    return type(getattr(wrapped, "reason", None)).__name__ in {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
    }


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else b""
