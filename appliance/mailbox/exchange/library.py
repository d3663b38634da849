"""What is used of exchangelib, and what of it is changed: it sends a request once or not at all.

Its own protocols are shared between mailboxes, and a request that failed is repeated where two
connections are open or another version of the interface might do.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

import requests
from exchangelib import Account, Configuration
from exchangelib.account import Identity
from exchangelib.errors import SessionPoolMinSizeReached
from exchangelib.ewsdatetime import UTC
from exchangelib.protocol import CachingProtocol
from exchangelib.protocol import Protocol as LibraryProtocol
from exchangelib.services.common import EWSAccountService
from exchangelib.transport import NOAUTH
from exchangelib.util import to_xml
from exchangelib.version import EXCHANGE_2013_SP1, Version

from appliance.mailbox.exchange.answers import Answers
from appliance.mailbox.exchange.elements import Element

_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"


def configuration(url: str, answers: Answers, connections: int) -> Configuration:
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


class OneProtocol(LibraryProtocol, metaclass=_Uncached):  # type: ignore[misc]
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


class OneAccount(Account):  # type: ignore[misc]
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

    def _extra_headers(self) -> dict[str, str]:
        """Hints for a server's front end; HTTP cannot carry an address beyond ASCII."""
        hints: dict[str, str | None] = super()._extra_headers()
        return {name: value for name, value in hints.items() if value and value.isascii()}

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


def service(operation: str) -> type[_Service]:
    """The service of an operation."""
    return type(operation, (_Service,), {"SERVICE_NAME": operation})
