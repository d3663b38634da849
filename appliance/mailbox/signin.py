"""Who we are to a mail server: one sign-in shared by every connection of an account."""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from appliance.config.secrets import Secret
from appliance.domain.errors import CredentialsRefused
from appliance.domain.ports import Clock

REFUSED_SECONDS: Final = 300.0
"""So long nobody tries again after a refusal: a wrong password every second locks accounts."""


class SignInMethod(Protocol):
    """Where the password or the access token comes from."""

    @property
    def user(self) -> str: ...

    @property
    def bearer(self) -> bool:
        """The secret is an OAuth 2.0 access token (RFC 6750), else a password."""
        ...

    def secret(self, *, renew: bool) -> Secret:
        """The secret to show the server; ``renew``: it refused the one it was shown just now.

        Raises:
            CredentialsRefused: the sign-in service refuses us; a person must act.
            MailboxUnreachable: the sign-in service does not answer.
            ConfigError: the secret is missing or unreadable.
        """
        ...


class Bearer:
    """Shows an access token (RFC 6750 §2.1): ``auth`` of requests, which reads no .netrc then."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class PasswordSignIn:
    """A password, an app password or an authorisation code; read anew at each sign-in."""

    bearer = False

    def __init__(self, *, user: str, read: Callable[[], Secret]) -> None:
        self.user = user
        self._read = read

    def secret(self, *, renew: bool) -> Secret:  # noqa: ARG002 - a password has no newer form
        return self._read()


class SignIn:
    """Signs connections in, and remembers a refusal so that it is not repeated every second.

    Safe for threads.
    """

    def __init__(self, method: SignInMethod, clock: Clock) -> None:
        self._method = method
        self._clock = clock
        self._lock = threading.Lock()
        self._refusal: tuple[float, Secret | None, CredentialsRefused] | None = None

    @property
    def user(self) -> str:
        """The user name."""
        return self._method.user

    @property
    def bearer(self) -> bool:
        """As in ``SignInMethod``."""
        return self._method.bearer

    def run(self, show: Callable[[Secret], None]) -> None:
        """Show the secret to a server with ``show``; a refused token is renewed and shown again.

        Args:
            show: raises CredentialsRefused where the server refuses it.

        Raises:
            CredentialsRefused: now, or less than five minutes ago with the same secret; only the
                first is asked of the server.
            MailboxUnreachable, ConfigError: as ``SignInMethod.secret``.
        """
        self.stand_by_refusal()
        secret: Secret | None = None
        try:
            secret = self._method.secret(renew=False)
            try:
                show(secret)
            except CredentialsRefused:
                if not self.bearer:
                    raise
                secret = self._method.secret(renew=True)
                show(secret)
        except CredentialsRefused as error:
            with self._lock:
                self._refusal = (self._clock.steady(), secret, error)
            raise
        with self._lock:
            self._refusal = None

    def stand_by_refusal(self) -> None:
        """Refuse at once where the server refused a short while ago, before anybody connects.

        Raises:
            CredentialsRefused: less than five minutes ago, and the password is still the same.
        """
        with self._lock:
            refusal = self._refusal
        if refusal is None or self._clock.steady() - refusal[0] >= REFUSED_SECONDS:
            return
        if self.bearer or refusal[1] == self._method.secret(renew=False):
            raise CredentialsRefused(str(refusal[2])) from refusal[2]
