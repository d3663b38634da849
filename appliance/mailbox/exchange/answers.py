"""What an answer of an Exchange server means before its XML is read: by status and fault."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from exchangelib import FailFast

from appliance.domain.errors import ConfigError, MailboxUnreachable
from appliance.mailbox.exchange.faults import BUSY, NoRight, SignInRefused, fault
from appliance.mailbox.exchange.wire import Wire

BUSY_SECONDS: Final = 10.0
"""How long a busy server is left alone that does not say how long."""

_OK: Final = 200
_SCHEMES: Final = ("NTLM", "Basic", "Bearer", "Negotiate")
_HEAD: Final = 4096
_REFUSED: Final = re.compile(
    rb"Fault>|ResponseCode>ErrorServerBusy|"
    rb"<(?:\w+:)?SyncFolderItemsResponseMessage\s[^>]*ResponseClass=[\"']Error"
)
_CODE: Final = re.compile(
    rb"<(?:\w+:)?ResponseCode\b[^>]*>\s*(\w+)\s*<|<faultcode\b[^>]*>[^<]*?\b(Error\w+)\s*<"
)
_REST: Final = re.compile(rb"BackOffMilliseconds[^>]*>\s*([^<]*?)\s*<")


class Answers(FailFast):  # type: ignore[misc]
    """What an HTTP answer means before any of its XML is looked at; nothing is ever repeated."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def raise_response_errors(self, response: Any) -> None:
        """Pass an answer that holds what was asked for.

        Raises:
            Fault, NoRight, StateLost, ConfigError: as ``faults.fault``.
            SignInRefused: 401.
            MailboxUnreachable: any other failure; the gate is shut where the server wants that.
        """
        streamed = getattr(response, "streamed", False) and response.status_code == _OK
        content: bytes = b"" if streamed else response.content
        self._note(response, content)
        if streamed:
            return
        # The library would read what lies in memory byte by byte.
        response.iter_content = lambda: iter((content,))
        self._judge(response.status_code, response.headers, content)

    def _judge(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self._wire.heed(status, headers)
        if status == 500 or _REFUSED.search(content[:_HEAD]):  # noqa: PLR2004
            # For some codes the library would ask again in the words of an older version, it takes
            # a fault for XML only where it begins in one of two ways, it forgets how long a busy
            # server wants rest, and of a synchronisation that is refused it expects a state.
            self._soap_fault(content)
        if status != _OK:
            raise self._failure(status, headers)

    def _note(self, response: Any, content: bytes) -> None:
        if self._wire.recorder is not None:
            request, status = response.request, response.status_code
            self._wire.recorder.note(
                request.method or "", request.url, request.body, status, response.headers, content
            )

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
        code, seconds = soap_fault(content)
        if code == BUSY:
            self._wire.shut(seconds)
        if code:
            raise fault(code)


def soap_fault(content: bytes) -> tuple[str, float]:
    """What went wrong by its response code, or empty, and the rest that is asked for (seconds)."""
    codes = [(one[1] or one[2]).decode() for one in _CODE.finditer(content)]
    failures = [one for one in codes if one.isalnum() and one != "NoError"]
    seconds, wish = BUSY_SECONDS, _REST.search(content)
    with suppress(ValueError):
        seconds = BUSY_SECONDS if wish is None else float(wish[1]) / 1000
    return BUSY if BUSY in failures else next(iter(failures), ""), seconds


def _refused(place: str, offered: str) -> str:
    schemes = [one for one in _SCHEMES if one.lower() in offered.lower()]
    offers = f" It offers: {', '.join(schemes)}." if schemes else ""
    return f"{place}: the server refused the user name, the password or the access token.{offers}"
