"""OAuth 2.0 over plain HTTPS: what every sign-in with tokens needs."""

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.config.files import replace_file
from appliance.config.secrets import Secret
from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
)
from appliance.mailbox import tls

log = logging.getLogger(__name__)

AGAIN: Final = "Run `appliance sign-in`."
DECLINED: Final = "The sign-in was declined."

TIMEOUT_SECONDS: Final = 30.0
"""So long a connection may take to come about, and an answer to go on."""

_TOO_MANY: Final = 429
_BROKEN: Final = 500
_ERROR: Final = re.compile(r"[a-z_]{1,40}")
# RFC 6749 §5.2, OpenID Connect Core §3.1.2.6: a person has to sign in anew.
_SIGN_IN: Final = frozenset(
    {"invalid_grant", "interaction_required", "login_required", "consent_required"}
)
_LATER: Final = frozenset({"temporarily_unavailable", "server_error", "service_unavailable"})
_LATE: Final = f"Nobody signed in before the code ran out. {AGAIN}"
_SAID: Final = {
    "authorization_declined": DECLINED,
    "access_denied": DECLINED,
    "expired_token": _LATE,
    "code_expired": _LATE,
}


class TokenSource(Protocol):
    """Where access tokens come from; asked by one thread at a time."""

    def token(self, *, renew: bool) -> Secret:
        """The token at hand, or with ``renew`` a really new one; raises as ``SignInMethod``."""
        ...


class TokenSignIn:
    """A ``SignInMethod`` whose secret is an access token.

    Safe for threads: connections that ask at the same time cause one request.
    """

    bearer = True

    def __init__(self, *, user: str, source: TokenSource) -> None:
        self.user = user
        self._source = source
        self._lock = threading.Lock()
        self._renewals = 0

    def secret(self, *, renew: bool) -> Secret:
        seen = self._renewals
        with self._lock:
            # Another connection may have renewed the token while this one waited.
            wanted = renew and self._renewals == seen
            token = self._source.token(renew=wanted)
            if wanted:
                self._renewals += 1
            return token


class KeptSignIn:
    """The file (mode 0600) that holds a person's sign-in; a newer one may replace it any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        """What is kept; None: nobody has signed in. Raises ConfigError."""
        try:
            return self._path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError((f"{self._path}: it cannot be read: {error.strerror}.",)) from error

    def write(self, content: str, *, instead_of: str | None = None) -> None:
        """Keep ``content``; with ``instead_of`` only where that is still there and has room.

        Raises:
            ConfigError: it cannot be written.
            DiskFull: there is no room, and no older content either.
        """
        if instead_of is not None and self.read() != instead_of:
            # Somebody signed in anew meanwhile: that sign-in is the better one.
            return
        try:
            replace_file(self._path, content.encode())
        except DiskFull:
            if instead_of is None:
                raise
            # The older content gives a new token the next time.
            log.warning("sign_in=not_kept reason=disk_full")

    def damaged(self) -> CredentialsRefused:
        """The error for content that is no sign-in."""
        return CredentialsRefused(f"{self._path}: no sign-in can be read there. {AGAIN}")


class Https:
    """The HTTP client that msal is given and that Google is asked with."""

    def __init__(self, ca_file: Path | None) -> None:
        """``ca_file``: authorities (PEM) to trust instead of the system's.

        Raises:
            ConfigError: the file cannot be read or holds no certificate.
        """
        self._verify = tls.trusted(ca_file)

    def get(self, url: str, **options: Any) -> Any:
        return self._ask("GET", url, options)

    def post(self, url: str, **options: Any) -> Any:
        return self._ask("POST", url, options)

    def close(self) -> None:
        """Nothing stays open: a token is asked for once an hour."""

    def _ask(self, verb: str, url: str, options: Mapping[str, Any]) -> Any:
        """The response, which holds a JSON object; else a ``requests.RequestException``."""
        import requests

        # A redirection would carry secrets to another address.
        response = requests.request(
            verb,
            url,
            timeout=TIMEOUT_SECONDS,
            verify=self._verify,
            allow_redirects=False,
            **options,
        )
        if response.status_code == _TOO_MANY or response.status_code >= _BROKEN:
            raise requests.HTTPError(f"status {response.status_code}", response=response)
        try:
            answer = response.json()
        except ValueError as error:
            # Not the ValueError itself: msal would take it for a wrong address.
            raise requests.exceptions.InvalidJSONError("no JSON") from error
        if not isinstance(answer, dict):
            raise requests.exceptions.InvalidJSONError("no JSON object")
        return response


@contextmanager
def reaching(host: str) -> Iterator[None]:
    """Whatever keeps a request from being answered becomes MailboxUnreachable."""
    import requests

    try:
        yield
    except requests.RequestException as error:
        raise MailboxUnreachable(f"The sign-in service {host} {_trouble(error)}") from error


def _trouble(error: Exception) -> str:
    from requests import exceptions

    match error:
        case exceptions.SSLError():
            return (
                "shows a certificate that is not trusted. Check the date of this machine, or name "
                "your own authority with ca_file."
            )
        case exceptions.Timeout():
            return "gives no answer in time."
        case exceptions.HTTPError():
            return f"has trouble ({error.response.status_code})."
        case exceptions.InvalidJSONError():
            return (
                "answers with something else. Check its address, and whether a proxy or a log-in "
                "page stands between."
            )
        case _:
            return "cannot be reached, or the connection broke off."


def refusal(answer: Mapping[str, Any], *, check: str) -> ApplianceError:
    """An error answer (RFC 6749 §5.2) as the error to raise.

    Its ``error_description`` is left out: it may hold names and times of a person.

    Args:
        answer: the answer, decoded; Microsoft's has numbers (AADSTS) as ``error_codes``.
        check: what a person checks where the application is refused, as a list in words.
    """
    error, codes = answer.get("error"), answer.get("error_codes")
    if not isinstance(error, str) or not _ERROR.fullmatch(error):
        error = "an unknown error"
    numbers = [code for code in codes if isinstance(code, int)] if isinstance(codes, list) else []
    what = ", ".join([error, *(f"AADSTS{number}" for number in numbers)])
    if error in _LATER:
        return MailboxUnreachable(f"The sign-in service is busy ({what}).")
    if error in _SAID:
        return CredentialsRefused(_SAID[error])
    if error in _SIGN_IN:
        return CredentialsRefused(f"The sign-in no longer counts ({what}). {AGAIN}")
    return CredentialsRefused(
        f"The sign-in service refuses the application ({what}). Check {check}."
    )


def access_token(answer: Mapping[str, Any], *, check: str) -> Secret:
    """The token in an answer; without one, raises its ``refusal``."""
    if "access_token" not in answer:
        raise refusal(answer, check=check)
    return Secret(str(answer["access_token"]))
