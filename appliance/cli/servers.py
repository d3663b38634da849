"""The questions about mail servers that ``appliance setup`` asks."""

import re
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from appliance.cli import ask
from appliance.cli.words import words as _
from appliance.config.accounts import PORTS, ImapSettings, Security, SmtpSettings
from appliance.config.mailboxes import is_local
from appliance.mailbox.providers import PROVIDERS, Provider, provider_of, unknown_provider

_HOST: Final = re.compile(r"(?!-)[\w-]+(?:\.[\w-]+)*\.?")


def ask_provider(domain: str) -> Provider:
    """Who keeps the mail of a domain; asked only where the domain does not tell."""
    found = provider_of(domain)
    if found is not None:
        print(_("This is an address of {name}.").format(name=found.name))
        return found
    choices = [(one.name, _hosts(one)) for one in PROVIDERS]
    own = "other"
    answer = ask.choice(
        _("Who keeps the mail of {domain}?").format(domain=domain),
        [*choices, (own, _("another provider, or a server of your own"))],
        own,
    )
    named = [one for one in PROVIDERS if one.name == answer]
    return named[0] if named else unknown_provider(domain)


def _hosts(provider: Provider) -> str:
    if provider.kind == "exchange":
        return _("an Exchange server of your own, or grommunio (EWS)")
    return f"{provider.imap.host}, {provider.smtp.host}"


def ask_servers(
    imap: ImapSettings, smtp: SmtpSettings, *, known: bool
) -> tuple[ImapSettings, SmtpSettings]:
    """The servers; where they are known already they need one answer, else up to seven."""
    if known:
        print(_("Mail in (IMAP):  {server}").format(server=_shown("imap", imap)))
        print(_("Mail out (SMTP): {server}").format(server=_shown("smtp", smtp)))
        if ask.yes(_("Use these servers?"), default=True):
            return imap, smtp
    imap, smtp = _imap(imap), _smtp(smtp)
    if imap.security != "none" or smtp.security != "none":
        answer = ask.optional(
            _("Certificate of your own authority, a PEM file (Enter: not needed)"),
            str(imap.ca_file or ""),
            right=unreadable,
        )
        ca_file = Path(answer).expanduser().absolute() if answer else None
        imap, smtp = replace(imap, ca_file=ca_file), replace(smtp, ca_file=ca_file)
    return imap, smtp


def _shown(protocol: str, server: ImapSettings | SmtpSettings) -> str:
    port = server.port or PORTS[protocol][server.security]
    return f"{server.host}:{port} ({server.security})"


def _imap(known: ImapSettings) -> ImapSettings:
    host = ask.text(_("Server for incoming mail (IMAP)"), known.host, right=_wrong_host)
    security = _security(known.security, host)
    port = _port(known.port or PORTS["imap"][security])
    return replace(known, host=host, security=security, port=_meant("imap", security, port))


def _smtp(known: SmtpSettings) -> SmtpSettings:
    host = ask.text(_("Server for outgoing mail (SMTP)"), known.host, right=_wrong_host)
    security = _security(known.security, host)
    port = _port(known.port or PORTS["smtp"][security])
    return replace(known, host=host, security=security, port=_meant("smtp", security, port))


def _wrong_host(answer: str) -> str:
    if _HOST.fullmatch(answer):
        return ""
    try:
        ip_address(answer)
    except ValueError:
        return _("This is no name of a server, such as mail.example.com; its port is asked next.")
    return ""


def _meant(protocol: str, security: str, port: int) -> int:
    """0 for the usual port, so that it stays right when somebody changes the security."""
    return 0 if port == PORTS[protocol][security] else port


def _security(default: Security, host: str) -> Security:
    choices: list[tuple[Security, str]] = [
        ("tls", _("encrypted from the start (usual)")),
        ("starttls", _("begins in the clear, becomes encrypted before the sign-in")),
    ]
    if is_local(host):
        choices.append(("none", _("not encrypted: this server runs on this very machine")))
    offered = default if default in dict(choices) else "tls"
    return ask.choice(_("Encryption"), choices, offered)


def _port(default: int) -> int:
    def wrong(answer: str) -> str:
        right = answer.isdecimal() and 0 < int(answer) < 65_536  # noqa: PLR2004 - 16 bits
        return "" if right else _("A port is a number from 1 to 65535.")

    return int(ask.text(_("Port"), str(default), right=wrong))


def unreadable(answer: str) -> str:
    """What is wrong with an answer that should name a text file, or nothing."""
    try:
        Path(answer).expanduser().read_text("utf-8")
    except FileNotFoundError:
        return _("There is no such file.")
    except (OSError, ValueError):
        return _("This file cannot be read as text.")
    return ""
