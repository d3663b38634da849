"""HTTP to an Exchange server: whom to trust, when to rest, what went wrong on the way.

exchangelib's own sessions would trust another list of authorities.
"""

import logging
import math
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from appliance import __version__
from appliance.domain.errors import MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.exchange.faults import NotSent
from appliance.mailbox.gate import LONGEST_REST, Gate, asked_rest
from appliance.mailbox.record import Recorder

_PORTS: Final = {"http": 80, "https": 443}


def silence() -> None:
    """Keep the libraries from logging: they log whole requests, mail and all, on a failure."""
    for name in ("exchangelib", "spnego", "requests_ntlm"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class Wire:
    """What the HTTP sessions of one account have in common.

    Attributes:
        on_stream: is told of each answer that goes on for minutes, as soon as it begins.
    """

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
        self.on_stream: Callable[[requests.Response], None] = lambda _response: None

    def fit(self, session: requests.Session, auth: Callable[[Any], Any]) -> None:
        """Make a session sign in so; nothing in the environment changes whom it trusts."""
        session.trust_env = False
        # Some offices allow EWS to programs by their names.
        session.headers["User-Agent"] = f"mail-appliance/{__version__}"
        session.auth = auth
        session.proxies.update(requests.utils.get_environ_proxies(self.url, no_proxy=None))
        session.mount(self.url, _Adapter(self))

    def failure(self, error: requests.RequestException) -> Exception:
        """What went wrong on the way, in our words."""
        reason = _reason(error)
        said, kind = tls.failure(reason, self.host, self.port), tls.kind(reason)
        return NotSent(said) if kind is MailboxUnreachable and _never_sent(error) else kind(said)

    def shut(self, seconds: float) -> None:
        """Ask nothing of the server for so long, within reason."""
        if math.isfinite(seconds):
            self.gate.shut(min(seconds, LONGEST_REST))

    def heed(self, status: int, headers: Mapping[str, str]) -> None:
        """Grant the rest that an answer asks for."""
        if status in {429, 503}:
            self.shut(asked_rest(headers, self._clock.now()) or 0.0)


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
        try:
            response: Any = super().send(request, *args, **kwargs)
        except requests.RequestException as error:
            raise self._wire.failure(error) from error
        # Amid NTLM's handshake nobody else gets to see it.
        self._wire.heed(response.status_code, response.headers)
        response.streamed = bool(kwargs.get("stream"))
        if response.streamed:
            self._wire.on_stream(response)
        made: requests.Response = response
        return made


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
