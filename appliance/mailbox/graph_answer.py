"""What Microsoft Graph answered, and the error that it means for us."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    MailboxUnreachable,
)
from appliance.mailbox.gate import asked_rest

LONGEST_JSON: Final = 64 * 1024 * 1024

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
GONE: Final = 410
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503
STUMBLED: Final = frozenset({500, 502, 504})
"""What a server answers that may do better the next moment."""

_REST_SECONDS: Final = {TOO_MANY: 10.0, UNAVAILABLE: 5.0, 509: 60.0}
"""Rest where the server wants some and does not say how much."""

_CODE: Final = re.compile(r"[A-Za-z_.]{1,80}")
_NO_MAILBOX: Final = frozenset(
    {
        "errorinvaliduser",
        "errornonexistentmailbox",
        "mailboxnotenabledforrestapi",
        "mailboxnothostedinexchangeonline",
        "request_resourcenotfound",
        "resourcenotfound",
    }
)
_NO_ITEM: Final = frozenset(
    {
        "erroritemnotfound",
        "errorfoldernotfound",
        "errorinvalidid",
        "errorinvalididmalformed",
        "errorinvalididempty",
        "itemnotfound",
    }
)
_NO_MIME: Final = frozenset(
    {
        "errorcontentconversionfailed",
        "errorcorruptdata",
        "erroritemcorrupt",
        "errormimecontentconversionfailed",
        "errormimecontentinvalid",
        "errorunsupportedmimeconversion",
    }
)
_FULL: Final = frozenset({"errorquotaexceeded", "quotalimitreached"})


class Gone(MailboxUnreachable):
    """What a request names is not there (any more)."""


class Broken(MailboxUnreachable):
    """The connection broke off; perhaps an old one that the server had given up."""


class NotSent(MailboxUnreachable):
    """The request certainly never left this machine."""


class Untrusted(ConfigError):
    """The server could not prove who it is, so that nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; ``body`` is None where it was longer than wanted."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def good(self) -> bool:
        """It was done (2xx)."""
        return 200 <= self.status < 300  # noqa: PLR2004 - what success is

    @property
    def code(self) -> str:
        """Graph's word for an error; empty where there is none, as from a proxy in between."""
        try:
            code = json.loads(self.body or b"")["error"]["code"]
        except (ValueError, LookupError, TypeError):
            return ""
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""

    @property
    def gone(self) -> bool:
        """Graph itself says that the item or folder is not there; no proxy's 404 is proof."""
        return (
            self.status in {BAD_REQUEST, NOT_FOUND, GONE}
            and self.code.partition(",")[0].lower() in _NO_ITEM
        )

    @property
    def no_mime(self) -> bool:
        """The mail is there and the server cannot render it, today or ever."""
        return not self.good and self.code.lower() in _NO_MIME

    def json(self) -> dict[str, Any]:
        """The JSON object in it.

        Raises:
            MailboxUnreachable: it holds none.
        """
        try:
            held = json.loads(self.body or b"")
        except ValueError:
            held = None
        if not isinstance(held, dict):
            raise MailboxUnreachable(
                "Microsoft Graph answers with something else than JSON. Check "
                "mailbox.graph.endpoint, and whether a proxy or a log-in page stands between."
            )
        return held


def error_of(answer: Answer, right: str) -> ApplianceError:
    """What an answer that is no success means; quotes Graph's code and nothing else.

    Args:
        answer: of a status beyond 2xx.
        right: the permission that the request needs.
    """
    if answer.gone:
        return Gone(f"Microsoft Graph finds it no more ({answer.code}).")
    said = f"{answer.status} {answer.code}".rstrip()
    if answer.code.lower() in _NO_MAILBOX:
        return ConfigError(
            (f"mailbox.graph.mailbox: Microsoft Graph has no such mailbox ({said}).",)
        )
    if answer.status == UNAUTHORIZED:
        return CredentialsRefused(f"Microsoft Graph refuses the sign-in ({said}).")
    if answer.status == FORBIDDEN and answer.code.lower() not in _FULL:
        return CredentialsRefused(
            f"Microsoft Graph refuses access to the mailbox ({said}). The application needs "
            f"{right} for it: with RBAC for Applications a role whose scope holds this mailbox; "
            "docs/exchange.md has the commands."
        )
    return MailboxUnreachable(_unwilling(answer, said))


def _unwilling(answer: Answer, said: str) -> str:
    if answer.code.lower() in _FULL:
        return f"The mailbox is full ({said}); make room in it."
    if answer.status in _REST_SECONDS:
        return f"Microsoft Graph is busy and wants rest ({said})."
    return f"Microsoft Graph did not do what it was asked ({said})."


def rest_of(answer: Answer, now: datetime) -> float:
    """Seconds for which the server wants to be left alone; 0: it does not.

    Args:
        answer: any answer.
        now: as for ``asked_rest``.
    """
    usual = _REST_SECONDS.get(answer.status)
    if usual is None:
        return 0.0
    wanted = asked_rest(answer.headers, now)
    return usual if wanted is None else wanted


def trouble(error: Exception, host: str) -> ApplianceError:
    """What kept a request of ``requests`` from being answered."""
    from requests import exceptions

    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, exceptions.SSLError) and _untrusted(reason):
        said = (
            f"{host}: the certificate is not trusted. Check the date of this machine, or name your "
            "own authority with mailbox.graph.ca_file."
        )
        return Untrusted((said,))
    if isinstance(error, exceptions.ReadTimeout):
        return MailboxUnreachable(f"{host}: no answer in time.")
    unsent = _unsent(error, reason)
    return NotSent(f"{host}: {unsent}") if unsent else Broken(f"{host}: the connection broke off.")


def _unsent(error: Exception, reason: object) -> str:
    """Why nothing was sent, where that is certain."""
    from requests import exceptions

    # By name: they are of a library that we do not depend on ourselves.
    kinds = {kind.__name__ for kind in type(reason).__mro__}
    if isinstance(error, exceptions.ProxyError):
        return "the proxy cannot be reached, or does not let us through."
    if isinstance(error, exceptions.ConnectTimeout):
        return "no answer in time."
    if "NameResolutionError" in kinds:
        return "the name cannot be resolved. Check the network."
    if "NewConnectionError" in kinds:
        return "nothing listens there, or no network leads there."
    return ""


def _untrusted(reason: object) -> bool:
    """The server's certificate failed, so that nothing was sent."""
    seen: object = reason
    while isinstance(seen, BaseException):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.args[0] if seen.args else None
    return False
