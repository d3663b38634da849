"""Who may sign in to the EWS server: basic, NTLM and bearer tokens."""

import base64
import binascii
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import spnego

DOMAIN: Final = "OFFICE"
_VARIABLE: Final = "NTLM_USER_FILE"
_ENVIRONMENT: Final = threading.Lock()
"""The acceptor finds its passwords by an environment variable that all servers here share."""


class SignInRefused(Exception):
    """``challenge`` is what WWW-Authenticate says; ``wrong``: somebody tried and failed."""

    def __init__(self, challenges: tuple[str, ...], *, wrong: bool) -> None:
        super().__init__()
        self.challenges, self.wrong = challenges, wrong


class Tokens:
    """The access tokens that are good, and whose they are."""

    def __init__(self, tokens: Mapping[str, str], owner: str) -> None:
        self._tokens, self._owner = dict(tokens), owner
        self._lock = threading.Lock()

    def add(self, token: str, user: str = "") -> None:
        """``user``: whose it is, instead of the first user's."""
        with self._lock:
            self._tokens[token] = user or self._owner

    def revoke(self, token: str) -> None:
        with self._lock:
            self._tokens.pop(token, None)

    def revoke_all(self) -> None:
        with self._lock:
            self._tokens.clear()

    def user(self, token: str) -> str | None:
        with self._lock:
            return self._tokens.get(token)


@dataclass(slots=True, eq=False)
class Connection:
    """What the server remembers of a connection: NTLM signs in connections, not requests."""

    user: str = ""
    acceptor: Any = None


@dataclass(slots=True, kw_only=True, eq=False)
class Reception:
    """``users`` (name to password) may change while the server runs; ``schemes`` are offered."""

    users: dict[str, str]
    tokens: Tokens
    schemes: Iterable[str]
    directory: Path
    _written: dict[str, str] = field(default_factory=dict)

    def sign_in(self, header: str, connection: Connection) -> str:
        """The user that a request is from.

        Raises:
            SignInRefused: nobody, or nobody yet.
        """
        scheme, _, credential = header.partition(" ")
        scheme = scheme.lower()
        if not scheme and connection.user and "ntlm" in self.schemes:
            return connection.user
        if scheme not in self.schemes:
            raise SignInRefused(self._challenges(), wrong=bool(scheme))
        if scheme == "ntlm":
            return self._ntlm(credential.strip(), connection)
        user = (
            self._basic(credential) if scheme == "basic" else self.tokens.user(credential.strip())
        )
        if user is None:
            raise SignInRefused(self._challenges(invalid=scheme == "bearer"), wrong=True)
        return user

    def _challenges(self, *, invalid: bool = False) -> tuple[str, ...]:
        known = {
            "ntlm": "NTLM",
            "basic": 'Basic realm="mail.office.example.com"',
            "bearer": "Bearer" + (' error="invalid_token"' if invalid else ""),
        }
        return tuple(known[scheme] for scheme in self.schemes)

    def _basic(self, credential: str) -> str | None:
        try:
            raw = base64.b64decode(credential)
        except binascii.Error:
            return None
        # Clients disagree on the charset (RFC 7617 section 2.1).
        for text in (raw.decode("utf-8", "replace"), raw.decode("latin-1")):
            name, _, password = text.partition(":")
            user = self._user(name)
            if user is not None and self.users[user] == password:
                return user
        return None

    def _user(self, name: str) -> str | None:
        """``OFFICE\\desk`` and ``desk`` are the same; capitals do not matter."""
        domain, backslash, short = name.rpartition("\\")
        if backslash and domain.upper() not in {"", DOMAIN}:
            return None
        return next((user for user in self.users if user.lower() == short.lower()), None)

    def _ntlm(self, credential: str, connection: Connection) -> str:
        """The handshake of MS-NLMP over HTTP (RFC 4559): negotiate, challenge, authenticate."""
        try:
            message = base64.b64decode(credential, validate=True)
        except binascii.Error:
            raise SignInRefused(self._challenges(), wrong=True) from None
        if message[8:9] == b"\x01":
            connection.user = ""
            connection.acceptor, challenge = self._challenge(message)
            encoded = base64.b64encode(challenge).decode()
            raise SignInRefused((f"NTLM {encoded}",), wrong=False)
        acceptor, connection.acceptor = connection.acceptor, None
        user = self._authenticated(acceptor, message) if acceptor is not None else None
        if user is None:
            raise SignInRefused(self._challenges(), wrong=True)
        connection.user = user
        return user

    def _challenge(self, message: bytes) -> tuple[Any, bytes]:
        with self._passwords():
            acceptor = spnego.server(protocol="ntlm")
            try:
                return acceptor, acceptor.step(message) or b""
            except spnego.exceptions.SpnegoError:
                raise SignInRefused(self._challenges(), wrong=True) from None

    def _authenticated(self, acceptor: Any, message: bytes) -> str | None:
        with self._passwords():
            try:
                acceptor.step(message)
            except spnego.exceptions.SpnegoError:
                return None
        return self._user(acceptor.client_principal) if acceptor.complete else None

    @contextmanager
    def _passwords(self) -> Iterator[None]:
        """Let the acceptor find them: ``domain:user:password``, so none has a colon."""
        with _ENVIRONMENT:
            path = self.directory / "ntlm-users"
            if self._written != self.users or not path.exists():
                lines = [
                    f"{domain}:{user}:{password}"
                    for user, password in self.users.items()
                    for domain in ("", DOMAIN)
                ]
                path.write_text("\n".join(lines) + "\n", "utf-8")
                self._written = dict(self.users)
            before = os.environ.get(_VARIABLE)
            os.environ[_VARIABLE] = str(path)
            try:
                yield
            finally:
                os.environ.pop(_VARIABLE)
                if before is not None:
                    os.environ[_VARIABLE] = before
