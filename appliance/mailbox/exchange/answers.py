"""What an answer of an Exchange server means before its XML is looked at: by status and fault."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import requests
from exchangelib.protocol import RetryPolicy
from exchangelib.util import ENS, TNS, to_xml

from appliance.domain.errors import ConfigError, MailboxUnreachable
from appliance.mailbox.exchange.faults import BUSY, NoRight, SignInRefused, fault
from appliance.mailbox.exchange.wire import Wire

BUSY_SECONDS: Final = 10.0
"""How long a busy server is left alone that does not say how long."""

_OK: Final = 200
_SCHEMES: Final = ("NTLM", "Basic", "Bearer", "Negotiate")


class Answers(RetryPolicy):  # type: ignore[misc]
    """What an HTTP answer means before any of its XML is looked at; nothing is ever repeated."""

    fail_fast = True
    back_off_until = None

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

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
        self._wire.heed(status, response.headers)
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
        code, seconds = soap_fault(content)
        if code == BUSY:
            self._wire.shut(seconds)
        if code:
            raise fault(code)


def soap_fault(content: bytes) -> tuple[str, float]:
    """The response code of a SOAP fault, or empty, and the rest it asks for (seconds)."""
    try:
        root = to_xml(content).getroot()
    except (SyntaxError, AttributeError):
        return "", BUSY_SECONDS
    codes = [one.text for one in root.iter(f"{{{ENS}}}ResponseCode") if one.text]
    code = (codes[0] if codes else _fault_code(root)).strip()
    return code if code.isalnum() and code.isascii() else "", rest_seconds(root)


def rest_seconds(element: Any) -> float:
    """The rest that a busy server asks for, ``BUSY_SECONDS`` where it does not say."""
    for one in element.iter(f"{{{TNS}}}Value"):
        if one.get("Name") == "BackOffMilliseconds":
            with suppress(ValueError, TypeError):
                return float(one.text) / 1000
    return BUSY_SECONDS


def _fault_code(root: Any) -> str:
    """SOAP 1.1 §4.4.1: ``a:ErrorSchemaValidation``; only what EWS names counts."""
    said = next((one.text or "" for one in root.iter("faultcode")), "")
    name: str = said.rpartition(":")[2]
    return name if name.startswith("Error") else ""


def _refused(place: str, offered: str) -> str:
    schemes = [one for one in _SCHEMES if one.lower() in offered.lower()]
    offers = f" It offers: {', '.join(schemes)}." if schemes else ""
    return f"{place}: the server refused the user name, the password or the access token.{offers}"
