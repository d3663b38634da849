"""Well-known mail providers: their servers, and what they want instead of a password.

From the providers' own help pages; none of these accounts was ever tried.
"""

from dataclasses import dataclass
from typing import Final, Literal

from appliance.config.accounts import ImapSettings, Method, SmtpSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the mail of some domains is."""

    name: str
    domains: tuple[str, ...]
    imap: ImapSettings
    smtp: SmtpSettings
    method: Method = "password"
    kind: Literal["imap", "exchange"] = "imap"
    graph: bool = False
    """Its mailboxes can be reached by Microsoft Graph, too."""
    code: bool = False
    """The provider wants an authorisation code or app password made on its web pages."""


def _both(imap: str, smtp: str) -> tuple[ImapSettings, SmtpSettings]:
    return ImapSettings(host=imap), SmtpSettings(host=smtp)


_GMAIL: Final = (
    ImapSettings(host="imap.gmail.com"),
    SmtpSettings(host="smtp.gmail.com", sent_copy="server"),
)
_MICROSOFT: Final = (
    ImapSettings(host="outlook.office365.com"),
    SmtpSettings(host="smtp.office365.com", security="starttls", sent_copy="server"),
)
_NETEASE: Final = _both("imap.163.com", "smtp.163.com")
_NETEASE_126: Final = _both("imap.126.com", "smtp.126.com")
_QQ: Final = _both("imap.qq.com", "smtp.qq.com")
_EXMAIL: Final = _both("imap.exmail.qq.com", "smtp.exmail.qq.com")

PROVIDERS: Final = (
    Provider(
        name="Gmail",
        domains=("gmail.com", "googlemail.com"),
        imap=_GMAIL[0],
        smtp=_GMAIL[1],
        code=True,
    ),
    Provider(
        name="Microsoft 365",
        domains=("onmicrosoft.com", "outlook.com", "hotmail.com", "live.com"),
        imap=_MICROSOFT[0],
        smtp=_MICROSOFT[1],
        method="microsoft",
        graph=True,
    ),
    Provider(name="163", domains=("163.com",), imap=_NETEASE[0], smtp=_NETEASE[1], code=True),
    Provider(
        name="126", domains=("126.com",), imap=_NETEASE_126[0], smtp=_NETEASE_126[1], code=True
    ),
    Provider(name="QQ", domains=("qq.com", "foxmail.com"), imap=_QQ[0], smtp=_QQ[1], code=True),
    Provider(
        name="Exmail", domains=("exmail.qq.com",), imap=_EXMAIL[0], smtp=_EXMAIL[1], code=True
    ),
    Provider(
        name="Exchange", domains=(), imap=ImapSettings(), smtp=SmtpSettings(), kind="exchange"
    ),
)


def provider_of(domain: str) -> Provider | None:
    """The provider whose own mail domain it is; a firm's own domain tells nothing."""
    lowered = domain.lower()
    for provider in PROVIDERS:
        if any(lowered == one or lowered.endswith(f".{one}") for one in provider.domains):
            return provider
    return None


def unknown_provider(domain: str) -> Provider:
    """Somebody's own server, with a guess at its names."""
    lowered = domain.lower()
    return Provider(
        name="",
        domains=(lowered,),
        imap=ImapSettings(host=f"imap.{lowered}"),
        smtp=SmtpSettings(host=f"smtp.{lowered}"),
    )
