"""Tries out whether an Exchange server or Graph can be reached, before anybody signs in."""

import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from appliance.config.accounts import ExchangeSettings
from appliance.config.settings import MailboxSettings
from appliance.domain.errors import ApplianceError
from appliance.mailbox import tls
from appliance.mailbox.probes import Probe
from appliance.mailbox.tokens import TIMEOUT_SECONDS

_NOT_FOUND: Final = 404
_PORTS: Final = {"https": 443, "http": 80}
_SCHEMES: Final = ("Negotiate", "NTLM", "Basic", "Bearer")
_WANTED: Final = {"ntlm": {"NTLM", "Negotiate"}, "basic": {"Basic"}}


def server_probe(settings: MailboxSettings) -> Probe:
    """Whether the service answers with a certificate that is trusted, and which sign-ins it offers.

    Args:
        settings: of kind exchange or graph.

    Raises:
        OperatorError: the certificate is not trusted, or ``ca_file`` cannot be used.
        MailboxUnreachable: nobody answers.
    """
    url = endpoint(settings)
    status, offered = ask(url, ca_file=_ca_file(settings))
    values = (
        ("server", urlsplit(url).netloc),
        ("url", url),
        ("offered", ", ".join(offered) or "-"),
        ("auth", settings.exchange.auth),
    )
    if settings.kind == "exchange" and status == _NOT_FOUND:
        return Probe(name="server", state="failed", found="no_ews", values=values)
    wanted = _WANTED[settings.exchange.auth]
    if settings.kind == "graph" or not offered:
        return Probe(name="server", state="ok", found="answers", values=values)
    if settings.sign_in.method == "password" and not wanted.intersection(offered):
        return Probe(name="server", state="warn", found="not_offered", values=values)
    return Probe(name="server", state="ok", found="answers_ews", values=values)


def endpoint(settings: MailboxSettings) -> str:
    """The address at which the service answers."""
    if settings.kind == "graph":
        return f"{settings.graph.endpoint.rstrip('/')}/v1.0/"
    return ews_address(settings.exchange)


def ews_address(settings: ExchangeSettings) -> str:
    """The address at which the service will ask the server; raises ConfigError as that does."""
    # Only a mailbox at an Exchange server has a use for the library behind this.
    from appliance.mailbox.exchange.line import endpoint as address

    return address(settings)


def ask(url: str, *, ca_file: Path | None) -> tuple[int, tuple[str, ...]]:
    """The HTTP status of an address for somebody who is not signed in, and the sign-ins it offers.

    Raises:
        OperatorError: the certificate is not trusted, or ``ca_file`` cannot be used.
        MailboxUnreachable: nobody answers.
    """
    import requests

    verify = tls.trusted(ca_file)
    try:
        # A redirection leads to a page for people, at best.
        with requests.get(
            url, timeout=TIMEOUT_SECONDS, verify=verify, allow_redirects=False, stream=True
        ) as response:
            offered = response.headers.get("WWW-Authenticate", "")
            return response.status_code, _schemes(offered)
    except (requests.RequestException, OSError) as error:
        raise _trouble(error, url) from error


def _schemes(offered: str) -> tuple[str, ...]:
    bare = re.sub(r'"[^"]*"', "", offered)
    named = {word.lower() for word in re.findall(r"[A-Za-z]+", bare)}
    return tuple(scheme for scheme in _SCHEMES if scheme.lower() in named)


def _ca_file(settings: MailboxSettings) -> Path | None:
    return settings.graph.ca_file if settings.kind == "graph" else settings.exchange.ca_file


def _trouble(error: BaseException, url: str) -> ApplianceError:
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    root = next(_roots(error), error)
    return tls.kind(root)(tls.failure(root, parts.hostname or "", port))


def _roots(error: BaseException) -> Iterator[BaseException]:
    """What lies behind an error of ``requests``, which wraps it several times."""
    known: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or one in known:
            continue
        known.append(one)
        if isinstance(one, ssl.SSLError | socket.gaierror | TimeoutError | ConnectionError):
            yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
