"""The questions about servers and sign-in that ``appliance setup`` asks."""

import re
import threading
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from appliance.cli import ask
from appliance.cli.words import words as _
from appliance.config.accounts import (
    PORTS,
    Flow,
    ImapSettings,
    Method,
    Security,
    SignIn,
    SmtpSettings,
)
from appliance.config.secrets import Secret, Secrets
from appliance.config.toml import is_local
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import Address
from appliance.mailbox.providers import PROVIDERS, Provider, provider_of, unknown_provider

_HOST: Final = re.compile(r"(?!-)[\w-]+(?:\.[\w-]+)*\.?")


@dataclass(slots=True, kw_only=True)
class Account:
    """What was answered; ``learned`` is what trying it out brought, ``tokens`` the token cache."""

    name: str
    provider: Provider
    imap: ImapSettings
    smtp: SmtpSettings
    sign_in: SignIn
    secrets: dict[str, Secret] = field(default_factory=dict)
    learned: dict[str, str] = field(default_factory=dict)
    tokens: Path | None = None


def ask_account(
    address: Address, name: str, secrets: Secrets, directory: Path, before: Account | None
) -> Account:
    """Servers and sign-in; the answers of the last round are the defaults of the next.

    Args:
        address: of the mailbox; its domain may tell the provider.
        name: of the mailbox.
        secrets: where the answered secrets are kept while they are tried.
        directory: where a token cache goes meanwhile.
        before: the last round, or None.
    """
    provider = _provider(address.rpartition("@")[2], before)
    if before is None:
        account = Account(
            name=name,
            provider=provider,
            imap=provider.imap,
            smtp=provider.smtp,
            sign_in=SignIn(user=str(address), method=provider.method),
        )
    else:
        account = replace(before, learned={})
    _ask_servers(account, known=bool(provider.name) or before is not None)
    user = ask.text(_("User name (usually the mail address)"), account.sign_in.user)
    account.sign_in = replace(account.sign_in, user=user)
    _ask_sign_in(account, secrets, directory, code=provider.code)
    return account


def _provider(domain: str, before: Account | None) -> Provider:
    if before is not None:
        return before.provider
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
    return f"{provider.imap.host}, {provider.smtp.host}"


def _ask_servers(account: Account, *, known: bool) -> None:
    """Servers that are known already need one answer, others six."""
    if known:
        print(_("Mail in (IMAP):  {server}").format(server=_shown("imap", account.imap)))
        print(_("Mail out (SMTP): {server}").format(server=_shown("smtp", account.smtp)))
        if ask.yes(_("Use these servers?"), default=True):
            return
    account.imap = _imap(account.imap)
    account.smtp = _smtp(account.smtp)
    if account.imap.security != "none" or account.smtp.security != "none":
        answer = ask.optional(
            _("Certificate of your own authority, a PEM file (Enter: not needed)"),
            str(account.imap.ca_file or ""),
            right=_unreadable,
        )
        ca_file = Path(answer).expanduser().absolute() if answer else None
        account.imap = replace(account.imap, ca_file=ca_file)
        account.smtp = replace(account.smtp, ca_file=ca_file)


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


def _ask_sign_in(account: Account, secrets: Secrets, directory: Path, *, code: bool) -> None:
    choices: tuple[tuple[Method, str], ...] = (
        ("password", _("password, authorisation code or app password")),
        ("microsoft", _("Microsoft 365 (OAuth)")),
        ("google", _("Gmail with OAuth")),
    )
    method = ask.choice(_("How does the mailbox sign in?"), choices, account.sign_in.method)
    if method != account.sign_in.method:
        account.secrets = {}
    if method == "password":
        if code:
            print(_("This provider wants an authorisation code or app password here, made on its"))
            print(_("web pages (settings, IMAP/SMTP), not the password of the web mail."))
        account.sign_in = replace(account.sign_in, method="password", secret=account.name)
        _ask_secret(account, secrets, account.name, _("Password"))
    elif method == "microsoft":
        _microsoft(account, secrets, directory)
    else:
        _google(account, secrets)


def _ask_secret(account: Account, secrets: Secrets, name: str, question: str) -> None:
    """A secret that nobody sees; Enter keeps that of the last round."""
    kept = account.secrets.get(name)
    hint = _("not shown while you type") if kept is None else _("not shown; Enter: as before")
    answer = ask.hidden(f"{question} ({hint})", kept=kept is not None)
    if answer:
        _keep(account, secrets, name, Secret(answer))


def _keep(account: Account, secrets: Secrets, name: str, secret: Secret) -> None:
    account.secrets[name] = secret
    secrets.put(name, secret)


def _microsoft(account: Account, secrets: Secrets, directory: Path) -> None:
    from appliance.mailbox.account import token_cache

    sign_in = replace(
        account.sign_in,
        method="microsoft",
        client_id=ask.text(_("Application (client) id"), account.sign_in.client_id),
        tenant=ask.text(_("Tenant id or domain"), account.sign_in.tenant),
        authority=ask.optional(
            _("Address of the sign-in service (Enter: the usual; a national cloud has its own)"),
            account.sign_in.authority,
            right=_wrong_authority,
        ),
        flow=_flow(account.sign_in.flow),
    )
    if sign_in.flow == "device":
        before, account.sign_in = account.sign_in, replace(sign_in, secret="")
        account.tokens = token_cache(account.name, directory)
        signed_in = before == account.sign_in and account.tokens.exists()
        if not signed_in or not ask.yes(_("Keep the sign-in of the last round?"), default=True):
            account.tokens.unlink(missing_ok=True)
            _device(sign_in, account.tokens)
        return
    account.sign_in = replace(sign_in, secret=account.name)
    if sign_in.flow == "secret":
        _ask_secret(account, secrets, account.name, _("Client secret"))
        return
    thumbprint = ask.text(_("SHA-256 thumbprint of the certificate"), sign_in.thumbprint)
    account.sign_in = replace(account.sign_in, thumbprint=thumbprint)
    path = ask.text(_("File with the private key (PEM)"), right=_unreadable)
    key = Path(path).expanduser().read_text("utf-8")
    _keep(account, secrets, account.name, Secret(key))


def _wrong_authority(answer: str) -> str:
    if answer.startswith("https://") and " " not in answer:
        return ""
    return _("This is no address that begins with https://.")


def _flow(default: Flow) -> Flow:
    choices: tuple[tuple[Flow, str], ...] = (
        ("device", _("a person, once, with a code in any browser")),
        ("secret", _("the application, with a client secret")),
        ("certificate", _("the application, with a certificate")),
    )
    return ask.choice(_("Who signs in?"), choices, default)


def _unreadable(answer: str) -> str:
    try:
        Path(answer).expanduser().read_text("utf-8")
    except FileNotFoundError:
        return _("There is no such file.")
    except (OSError, ValueError):
        return _("This file cannot be read as text.")
    return ""


def _device(sign_in: SignIn, cache: Path) -> None:
    from appliance.daemon import SystemClock
    from appliance.mailbox.oauth import device_sign_in

    def show(address: str, code: str) -> None:
        print(
            _("Open {address} in a browser on any machine and type the code {code}.").format(
                address=address, code=code
            )
        )
        print(_("Waiting for the sign-in …"), flush=True)

    try:
        who = device_sign_in(
            sign_in, cache=cache, show=show, clock=SystemClock(), stop=threading.Event()
        )
    except ApplianceError as error:
        # The probe that follows says what is missing, and the answers can be changed.
        print(error)
    else:
        print(_("Signed in as {who}.").format(who=who))


def _google(account: Account, secrets: Secrets) -> None:
    from appliance.mailbox.tokens import google_consent_url, google_exchange, new_verifier

    application = f"{account.name}-client"
    account.sign_in = sign_in = replace(
        account.sign_in,
        method="google",
        client_id=ask.text(_("Application (client) id"), account.sign_in.client_id),
        client_secret=application,
        secret=account.name,
    )
    _ask_secret(account, secrets, application, _("Client secret"))
    verifier = new_verifier()
    print(_("Open this address in a browser, allow the access, and copy the address of the page"))
    print(_("that cannot be shown (it begins with http://127.0.0.1) into here:"))
    print(google_consent_url(sign_in, verifier))
    try:
        answer = ask.text(_("Address of that page"))
        token = google_exchange(sign_in, secrets=secrets, answer=answer, verifier=verifier)
    except ApplianceError as error:
        print(error)
        return
    _keep(account, secrets, account.name, token)
