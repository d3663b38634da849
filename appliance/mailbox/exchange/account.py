"""An account of exchangelib whose connections are its own and ours to make."""

import threading
from collections.abc import Callable
from typing import Final

import requests
from exchangelib import DELEGATE, UTC, Account, Configuration
from exchangelib.protocol import Protocol, RetryPolicy
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2013_SP1, Version

_ANYBODY: Final = "anybody@mailbox.invalid"
_OPENING: Final = threading.Lock()


class _Protocol(Protocol):  # type: ignore[misc]
    """The library's pool of sessions, each of them fit to our needs."""

    fit: Callable[[requests.Session], None]

    def create_session(self) -> requests.Session:
        session: requests.Session = super().create_session()
        self.fit(session)
        return session


def opened(
    *, url: str, policy: RetryPolicy, connections: int, fit: Callable[[requests.Session], None]
) -> Account:
    """An account of nobody in particular; nothing is asked of the server.

    What every server since 2013 SP1 understands is spoken; the server says what it is itself.

    Args:
        url: the address of EWS.
        policy: what an answer means.
        connections: so many at once.
        fit: makes a session sign in.
    """
    configuration = Configuration(
        service_endpoint=url,
        auth_type=NOAUTH,
        version=Version(EXCHANGE_2013_SP1, "Exchange2013_SP1"),
        retry_policy=policy,
        max_connections=connections,
    )
    # The library keeps one protocol for all who name the same server without credentials: ours is
    # put there for the account to find, and taken away again.
    with _OPENING:
        _Protocol(config=configuration).fit = fit
        try:
            return Account(
                primary_smtp_address=_ANYBODY,
                config=configuration,
                access_type=DELEGATE,
                default_timezone=UTC,
            )
        finally:
            del _Protocol[configuration]
