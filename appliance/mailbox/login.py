"""Signing in to an IMAP server: password or token, by what the server offers."""

from contextlib import suppress
from typing import Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from appliance import __version__
from appliance.config.secrets import Secret
from appliance.domain.errors import CredentialsRefused, MailboxUnreachable
from appliance.mailbox import sasl
from appliance.mailbox.signin import SignIn

_PASSING: Final = (
    "unavailable",
    "inuse",
    "limit",
    "serverbug",
    "try again",
    "temporar",
    "too many",
)
"""Words of a refused sign-in that only time heals (RFC 5530 §3, and what servers say)."""


def sign_in(client: IMAPClient, method: SignIn, place: str) -> frozenset[str]:
    """Sign a fresh connection in; returns what the server offers then, in capitals.

    Args:
        client: connected and, where that is wanted, encrypted.
        method: knows the secret.
        place: host and port, for sentences.

    Raises:
        CredentialsRefused, MailboxUnreachable, ConfigError: as ``SignIn.run``.
    """
    method.run(lambda secret: _show(client, method, secret, place))
    offered = capabilities(client)
    if "ID" in offered:
        # 163 and 126 call a sign-in unsafe that does not say who it is (RFC 2971).
        with suppress(IMAPClientError):
            client.id_({"name": "mail-appliance", "version": __version__})
    return offered


def capabilities(client: IMAPClient) -> frozenset[str]:
    """What the server offers at this moment, in capitals."""
    return frozenset(one.decode("ascii", "replace").upper() for one in client.capabilities())


def _show(client: IMAPClient, method: SignIn, secret: Secret, place: str) -> None:
    user, value = method.user, secret.reveal()
    offered = capabilities(client)
    try:
        mechanism = _mechanism(offered, bearer=method.bearer)
        if mechanism is None:
            client.login(user, value)
        else:
            client.sasl_login(mechanism, _Answers(mechanism, user, value))
    except LoginError as error:
        if isinstance(error.__context__, IMAPClientAbortError):
            # The library calls a connection that was cut a refusal, too.
            raise MailboxUnreachable(f"{place}: the connection broke off.") from error
        text = str(error).lower()
        if any(word in text for word in _PASSING):
            raise MailboxUnreachable(
                f"{place}: the server lets nobody sign in at the moment."
            ) from None
        # Its own words may hold the user name.
        raise CredentialsRefused(_refused(method, place)) from None


def _refused(method: SignIn, place: str) -> str:
    if method.bearer:
        return f"{place}: the server refused the access token. Run `appliance sign-in`."
    return (
        f"{place}: the server refused the user name or the password. 163, 126 and QQ want an "
        "authorisation code instead, Gmail an app password."
    )


def _mechanism(offered: frozenset[str], *, bearer: bool) -> str | None:
    """The SASL mechanism to use; None: the LOGIN command."""
    if bearer:
        only = "AUTH=OAUTHBEARER" in offered and "AUTH=XOAUTH2" not in offered
        return "OAUTHBEARER" if only else "XOAUTH2"
    return "PLAIN" if "AUTH=PLAIN" in offered else None


class _Answers:
    """Our side of a SASL exchange: the opening, then what ends a refused one."""

    def __init__(self, mechanism: str, user: str, secret: str) -> None:
        self._next = sasl.opening(mechanism, user, secret)
        self._last = sasl.closing(mechanism)

    def __call__(self, _challenge: bytes) -> bytes:
        said, self._next = self._next, self._last
        return said.encode()
