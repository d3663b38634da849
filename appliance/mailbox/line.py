"""One connection to an IMAP server: opened when needed, given up when it breaks, opened again."""

import logging
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import (
    CapabilityError,
    IMAPClientAbortError,
    IMAPClientError,
)

from appliance.config.accounts import PORTS, ImapSettings
from appliance.domain.errors import (
    ApplianceError,
    MailboxUnreachable,
    OperatorError,
    TransientError,
)
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.login import sign_in
from appliance.mailbox.signin import SignIn

T = TypeVar("T")

# The library logs what is said on the line: mail, addresses, folders.
logging.getLogger("imapclient").setLevel(logging.CRITICAL)

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 20.0
"""A server that says nothing for so long is taken for dead."""

_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0
_BROKEN: Final = (IMAPClientAbortError, OSError, EOFError, ValueError, LookupError, TypeError)
"""What a connection that is cut, or a server that talks nonsense, makes the library raise."""

_SECOND_TRY: Final = 2
_LONGEST_CODE: Final = len("AUTHENTICATIONFAILED")  # of RFC 5530
_FAREWELL_SECONDS: Final = 2.0


class Line:
    """A connection with its lock: one act at a time, each on a signed-in client.

    An act may run twice where an old connection turns out to be dead, so it must be harmless when
    repeated. After a failed connection the next tries wait a little and then longer, so that a
    server that is down costs nobody's time.
    """

    def __init__(
        self, settings: ImapSettings, sign_in: SignIn, clock: Clock, *, patience: float = 0.2
    ) -> None:
        """``patience``: a server that let us wait is left alone so many times as long."""
        self._patience = patience
        self._settings = settings
        self._sign_in = sign_in
        self._clock = clock
        self._port = settings.port or PORTS["imap"][settings.security]
        self._lock = threading.RLock()
        self._client: IMAPClient | None = None
        self._capabilities: frozenset[str] = frozenset()
        self._failures = 0
        self._pause: tuple[float, ApplianceError] | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server offered after signing in, in capitals; empty before."""
        return self._capabilities

    def can(self, capability: str) -> bool:
        """Whether the server offers a capability."""
        return capability in self._capabilities

    def run(self, act: Callable[[IMAPClient], T], *, silence: float | None = None) -> T:
        """Act on a signed-in client; a connection that broke is given up.

        Args:
            act: what is done, perhaps twice.
            silence: seconds that an answer may take where that is less than usual; their end is
                told at once, and not only when a new connection is silent, too.

        Raises:
            MailboxUnreachable: no connection, it broke, or the server refused a command.
            CredentialsRefused, OperatorError: a person must change something.
        """
        with self._lock:
            for _ in range(_SECOND_TRY):
                client, fresh = self._client, False
                if client is None:
                    client, fresh = self._open(), True
                try:
                    with _limited(client, silence):
                        return act(client)
                except _BROKEN as error:
                    self.hang_up()
                    # A connection that was at rest may have died long ago; a fresh one died now.
                    silent = silence is not None and isinstance(error, TimeoutError)
                    if fresh or silent:
                        raise self._failed(error) from error
                except IMAPClientError as error:
                    raise MailboxUnreachable(f"{self._place}: {refusal(error)}") from error
                except ApplianceError:
                    raise
                except BaseException:
                    # Left in the middle of an answer: nobody knows what comes next on it.
                    self.hang_up()
                    raise
            raise MailboxUnreachable(f"{self._place}: the connection broke off.")

    def hang_up(self) -> None:
        """Give the connection up without a word."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, IMAPClientError):
                client.shutdown()

    def close(self, last: Callable[[IMAPClient], object] | None = None) -> None:
        """Sign out where a connection is open, after ``last``; a deaf server holds up nobody."""
        if not self._lock.acquire(timeout=_FAREWELL_SECONDS):
            return
        try:
            client = self._client
            if client is not None:
                with suppress(*_BROKEN, IMAPClientError, ApplianceError):
                    client.socket().settimeout(_FAREWELL_SECONDS)
                    if last is not None:
                        last(client)
                    client.logout()
            self.hang_up()
        finally:
            self._lock.release()

    @property
    def _place(self) -> str:
        return f"{self._settings.host}:{self._port}"

    def _open(self) -> IMAPClient:
        self._sign_in.stand_by_refusal()
        begun = self._clock.steady()
        if self._pause is not None and begun < self._pause[0]:
            raise type(self._pause[1])(str(self._pause[1])) from self._pause[1]
        client: IMAPClient | None = None
        try:
            client = self._connected()
            self._capabilities = sign_in(client, self._sign_in, self._place)
        except (*_BROKEN, IMAPClientError, TransientError, OperatorError) as error:
            if client is not None:
                with suppress(OSError, IMAPClientError):
                    client.shutdown()
            if isinstance(error, OperatorError):
                raise
            failed = error if isinstance(error, ApplianceError) else self._failed(error)
            self._failures += 1
            took = self._clock.steady() - begun
            least = _PAUSE * 2 ** min(self._failures - 1, 2)
            pause = min(max(least, self._patience * took), self._patience * _LONGEST_PAUSE)
            self._pause = (self._clock.steady() + pause, failed)
            raise failed from error
        self._failures, self._pause = 0, None
        self._client = client
        return client

    def _connected(self) -> IMAPClient:
        security = self._settings.security
        context = None if security == "none" else tls.context(self._settings.ca_file)
        client = IMAPClient(
            self._settings.host,
            self._port,
            ssl=security == "tls",
            ssl_context=context,
            timeout=SocketTimeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
        )
        client.normalise_times = False
        try:
            keep_alive(client.socket())
            if security == "starttls":
                client.starttls(context)
        except CapabilityError as error:
            with suppress(OSError, IMAPClientError):
                client.shutdown()
            raise OperatorError(
                f"{self._place}: the server does not offer STARTTLS. Use security = tls (port 993)."
            ) from error
        except BaseException:
            with suppress(OSError, IMAPClientError):
                client.shutdown()
            raise
        return client

    def _failed(self, error: BaseException) -> ApplianceError:
        sentence = tls.failure(error, self._settings.host, self._port)
        return tls.kind(error)(sentence)


@contextmanager
def _limited(client: IMAPClient, seconds: float | None) -> Iterator[None]:
    """Within, the server may be silent for so long only."""
    if seconds is None:
        yield
        return
    client.socket().settimeout(seconds)
    try:
        yield
    finally:
        with suppress(OSError):
            client.socket().settimeout(ANSWER_SECONDS)


def keep_alive(sock: socket.socket) -> None:
    """Have the kernel notice within half a minute that the other side is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def refusal(error: IMAPClientError) -> str:
    """Why the server refused a command; its words may quote mail, its response code does not."""
    text = str(error)
    start, end = text.find("["), text.find("]")
    code = text[start + 1 : end].partition(" ")[0].upper() if 0 <= start < end else ""
    if code == "OVERQUOTA":
        return "the mailbox is full; make room in it."
    shown = f" ({code})" if code.isalpha() and len(code) <= _LONGEST_CODE else ""
    return f"the server refused a command{shown}."


def readable(sock: Any, wake: int, seconds: float) -> bool:
    """Sleep until the server says something or somebody wakes us: True; False: time is over.

    Args:
        sock: the connection, or None to sleep without one.
        wake: file descriptor that becomes readable when somebody wakes us.
        seconds: at most so long.
    """
    pending = getattr(sock, "pending", None)
    if pending is not None and pending() > 0:
        return True
    poller = select.poll()
    if sock is not None:
        poller.register(sock.fileno(), select.POLLIN)
    poller.register(wake, select.POLLIN)
    return bool(poller.poll(max(seconds, 0.0) * 1000))
