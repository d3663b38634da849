"""The questions about an account that ``appliance setup`` asks: above all who signs in, and how."""

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance.cli import ask
from appliance.cli.servers import ask_provider, ask_servers, unreadable
from appliance.cli.words import words as _
from appliance.config.accounts import Flow, ImapSettings, Method, SignIn, SmtpSettings
from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import Address
from appliance.mailbox.providers import Provider


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
    if before is None:
        provider = ask_provider(address.rpartition("@")[2])
        account = Account(
            name=name,
            provider=provider,
            imap=provider.imap,
            smtp=provider.smtp,
            sign_in=SignIn(user=str(address), method=provider.method),
        )
    else:
        account = replace(before, learned={})
    known = bool(account.provider.name) or before is not None
    account.imap, account.smtp = ask_servers(account.imap, account.smtp, known=known)
    user = ask.text(_("User name (usually the mail address)"), account.sign_in.user)
    account.sign_in = replace(account.sign_in, user=user)
    _ask_sign_in(account, secrets, directory, code=account.provider.code)
    return account


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
    path = ask.text(_("File with the private key (PEM)"), right=unreadable)
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


def _device(sign_in: SignIn, cache: Path) -> None:
    from appliance.daemon import SystemClock
    from appliance.mailbox.oauth import DeviceSignIn

    def show(address: str, code: str) -> None:
        print(
            _("Open {address} in a browser on any machine and type the code {code}.").format(
                address=address, code=code
            )
        )
        print(_("Waiting for the sign-in …"), flush=True)

    try:
        signing_in = DeviceSignIn(sign_in, service="mail", cache=cache)
        who = signing_in.run(show, clock=SystemClock(), stop=threading.Event())
    except ApplianceError as error:
        # The probe that follows says what is missing, and the answers can be changed.
        print(error)
    else:
        print(_("Signed in as {who}.").format(who=who))


def _google(account: Account, secrets: Secrets) -> None:
    from appliance.mailbox.google import google_consent_url, google_exchange, new_verifier

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
