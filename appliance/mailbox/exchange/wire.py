"""HTTP to an Exchange server: whom to trust, rest when it asks for it, what a failure means.

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
from requests.adapters import HTTPAdapter

from appliance import __version__
from appliance.domain.errors import MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.exchange.faults import NotSent
from appliance.mailbox.gate import Gate
from appliance.mailbox.record import Recorder

_LONGEST_REST: Final = 3600.0
_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = {
    "Content-Type": "text/xml; charset=utf-8",
    # Some offices allow EWS to programs by their names.
    "User-Agent": f"mail-appliance/{__version__}",
}


def silence() -> None:
    """Keep the libraries from logging: they log whole requests, mail and all, on a failure."""
    for name in ("exchangelib", "spnego", "requests_ntlm"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class Wire:
    """Makes the HTTP sessions of one account."""

    def __init__(
        self,
        *,
        url: str,
        context: ssl.SSLContext,
        gate: Gate,
        clock: Clock,
        recorder: Recorder | None,
    ) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS.get(parts.scheme, 0)
        self.context = context
        self.gate = gate
        self._clock = clock
        self.recorder = recorder

    def shut(self, seconds: float) -> None:
        """Ask nothing of the server for so long, within reason."""
        if math.isfinite(seconds):
            self.gate.shut(min(max(seconds, 0.0), _LONGEST_REST))

    def heed(self, status: int, headers: Mapping[str, str]) -> None:
        """Grant the rest that an answer asks for (RFC 9110 §10.2.3): seconds, or until a date."""
        wish = (headers.get("Retry-After") or "").strip()
        if status not in {429, 503} or not wish:
            return
        if wish.isdecimal() and wish.isascii():
            self.shut(float(wish))
            return
        with suppress(ValueError, TypeError, OverflowError):
            self.shut((parsedate_to_datetime(wish) - self._clock.now()).total_seconds())

    def session(self, auth: Callable[[Any], Any]) -> requests.Session:
        """A session of one connection; nothing in the environment changes whom it trusts."""
        session = _Session(self)
        session.trust_env = False
        session.auth = auth
        proxies = requests.utils.get_environ_proxies(self.url, no_proxy=None)
        session.proxies.update(proxies)
        session.mount("https://", _Adapter(self))
        session.mount("http://", _Adapter(self))
        session.headers.update(_HEADERS)
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
        response = super().send(request, *args, **kwargs)
        # Amid NTLM's handshake nobody else gets to see it.
        self._wire.heed(response.status_code, response.headers)
        return response


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
