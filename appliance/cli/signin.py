"""The questions about servers and sign-in that ``appliance setup`` asks."""

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

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
from appliance.config.settings import Office
from appliance.domain.errors import ApplianceError


@dataclass(slots=True, kw_only=True)
class Account:
    """What was answered; ``learned`` is what trying it out brought, ``tokens`` the token cache."""

    name: str
    imap: ImapSettings
    smtp: SmtpSettings
    sign_in: SignIn
    secrets: dict[str, Secret] = field(default_factory=dict)
    learned: dict[str, str] = field(default_factory=dict)
    tokens: Path | None = None


def ask_account(
    office: Office, name: str, secrets: Secrets, directory: Path, before: Account | None
) -> Account:
    """Servers and sign-in; the answers of the last round are the defaults of the next.

    Args:
        office: its first address says which provider it probably is.
        name: of the mailbox.
        secrets: where the answered secrets are kept while they are tried.
        directory: where a token cache goes meanwhile.
        before: the last round, or None.
    """
    from appliance.mailbox.providers import provider_of

    provider = provider_of(office.addresses[0].rpartition("@")[2])
    if before is None:
        if provider.name:
            print(_("This looks like {name}.").format(name=provider.name))
        method = provider.method
        imap, smtp = provider.imap, provider.smtp
        user = str(office.addresses[0])
    else:
        method, user = before.sign_in.method, before.sign_in.user
        imap, smtp = before.imap, before.smtp
    imap = _imap(imap)
    smtp = _smtp(smtp)
    if imap.security != "none" or smtp.security != "none":
        shown = str(imap.ca_file or "")
        answer = ask.optional(_("Own certificate authority, a PEM file (empty: the usual)"), shown)
        ca_file = Path(answer) if answer else None
        imap, smtp = replace(imap, ca_file=ca_file), replace(smtp, ca_file=ca_file)
    account = Account(
        name=name,
        imap=imap,
        smtp=smtp,
        sign_in=SignIn(user=ask.text(_("User name"), user), method=method),
    )
    _ask_sign_in(account, secrets, directory, code=provider.code)
    return account


def _imap(known: ImapSettings) -> ImapSettings:
    host = ask.text(_("IMAP server"), known.host)
    security = _security(known.security)
    port = _port(PORTS["imap"][security] if not known.port else known.port)
    return replace(known, host=host, security=security, port=_meant("imap", security, port))


def _smtp(known: SmtpSettings) -> SmtpSettings:
    host = ask.text(_("Server for sending (SMTP submission)"), known.host)
    security = _security(known.security)
    port = _port(PORTS["smtp"][security] if not known.port else known.port)
    return replace(known, host=host, security=security, port=_meant("smtp", security, port))


def _meant(protocol: str, security: str, port: int) -> int:
    """0 for the usual port, so that it stays right when somebody changes the security."""
    return 0 if port == PORTS[protocol][security] else port


def _security(default: Security) -> Security:
    choices: tuple[tuple[Security, str], ...] = (
        ("tls", _("from the start (usual)")),
        ("starttls", _("begins in the clear, becomes encrypted before signing in")),
        ("none", _("none: only for a server on this very machine")),
    )
    return ask.choice(_("Encryption"), choices, default)


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
    if method == "password":
        if code:
            print(_("This provider wants an authorisation code or app password here, made on its"))
            print(_("web pages (settings, IMAP/SMTP), not the password of the web mail."))
        secret = Secret(ask.hidden(_("Password (it is not shown)")))
        account.sign_in = replace(account.sign_in, method="password", secret=account.name)
        _keep(account, secrets, account.name, secret)
    elif method == "microsoft":
        _microsoft(account, secrets, directory)
    else:
        _google(account, secrets)


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
        flow=_flow(account.sign_in.flow),
    )
    if sign_in.flow == "device":
        account.sign_in = sign_in
        account.tokens = token_cache(account.name, directory)
        _device(sign_in, account.tokens)
        return
    if sign_in.flow == "secret":
        secret = Secret(ask.hidden(_("Client secret (it is not shown)")))
    else:
        thumbprint = ask.text(_("SHA-256 thumbprint of the certificate"), sign_in.thumbprint)
        sign_in = replace(sign_in, thumbprint=thumbprint)
        path = ask.text(_("File with the private key (PEM)"), right=_unreadable)
        secret = Secret(Path(path).read_text("utf-8"))
    account.sign_in = replace(sign_in, secret=account.name)
    _keep(account, secrets, account.name, secret)


def _flow(default: Flow) -> Flow:
    choices: tuple[tuple[Flow, str], ...] = (
        ("device", _("a person, once, with a code in any browser")),
        ("secret", _("the application, with a client secret")),
        ("certificate", _("the application, with a certificate")),
    )
    return ask.choice(_("Who signs in?"), choices, default)


def _unreadable(answer: str) -> str:
    return "" if Path(answer).is_file() else _("There is no such file.")


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
    client = Secret(ask.hidden(_("Client secret (it is not shown)")))
    _keep(account, secrets, application, client)
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
