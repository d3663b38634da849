"""The questions about an account that ``appliance setup`` asks: above all who signs in, and how."""

from dataclasses import replace
from pathlib import Path

from appliance.cli import ask
from appliance.cli.account import Account, Kind, ask_secret, keep
from appliance.cli.exchange import ask_exchange
from appliance.cli.graph import ask_graph
from appliance.cli.microsoft import ask_microsoft
from appliance.cli.servers import ask_provider, ask_servers
from appliance.cli.words import words as _
from appliance.config.accounts import ExchangeSettings, GraphSettings, Method, SignIn
from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import Address


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
    account = _begun(address, name) if before is None else replace(before, learned={})
    if account.provider.graph:
        _ask_way(account, address)
    if account.kind == "exchange":
        if not ask_exchange(account, secrets, directory):
            return account
        _change_to_graph(account, address)
    if account.kind == "graph":
        ask_graph(account, secrets, directory)
        return account
    known = bool(account.provider.name) or before is not None
    account.imap, account.smtp = ask_servers(account.imap, account.smtp, known=known)
    user = ask.text(_("User name (usually the mail address)"), account.sign_in.user)
    account.sign_in = replace(account.sign_in, user=user)
    _ask_sign_in(account, secrets, directory, code=account.provider.code)
    return account


def _begun(address: Address, name: str) -> Account:
    provider = ask_provider(address.rpartition("@")[2])
    return Account(
        name=name,
        provider=provider,
        kind=provider.kind,
        imap=provider.imap,
        smtp=provider.smtp,
        exchange=ExchangeSettings(mailbox=address),
        graph=GraphSettings(mailbox=address),
        sign_in=SignIn(user=address, method=provider.method),
    )


def _ask_way(account: Account, address: Address) -> None:
    """Graph or IMAP, for a mailbox in Microsoft 365."""
    choices: tuple[tuple[Kind, str], ...] = (
        ("graph", _("Microsoft Graph: an application of your own, limited to this mailbox")),
        ("imap", _("IMAP and SMTP with OAuth: replies can be marked as automatic")),
    )
    # The first round offers Graph, each further one what the last chose.
    default: Kind = "graph" if not account.sign_in.client_id else account.kind
    kind = ask.choice(_("How is the mailbox reached?"), choices, default)
    if kind == account.kind:
        return
    if kind == "graph":
        _change_to_graph(account, address)
    else:
        account.kind = kind
        account.secrets, account.certificate = {}, ""
        account.sign_in = SignIn(user=address, method=account.provider.method)


def _change_to_graph(account: Account, address: Address) -> None:
    account.kind = "graph"
    account.secrets = {}
    account.sign_in = SignIn(
        method="microsoft", flow="certificate", tenant=address.rpartition("@")[2]
    )


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
        ask_secret(account, secrets, account.name, _("Password"))
    elif method == "microsoft":
        ask_microsoft(account, secrets, directory)
    else:
        _google(account, secrets)


def _google(account: Account, secrets: Secrets) -> None:
    application = f"{account.name}-client"
    account.sign_in = sign_in = replace(
        account.sign_in,
        method="google",
        client_id=ask.text(_("Application (client) id"), account.sign_in.client_id),
        client_secret=application,
        secret=account.name,
    )
    ask_secret(account, secrets, application, _("Client secret"))
    try:
        token = google_consent(sign_in, secrets)
    except ApplianceError as error:
        print(error)
        return
    keep(account, secrets, account.name, token)


def google_consent(sign_in: SignIn, secrets: Secrets) -> Secret:
    """Have a person allow access in a browser; returns the refresh token.

    Args:
        sign_in: of method google.
        secrets: hold the application's client secret.

    Raises:
        CredentialsRefused, MailboxUnreachable, ConfigError: as ``google_exchange``.
        OperatorError: nobody answers.
    """
    from appliance.mailbox.google import google_consent_url, google_exchange, new_verifier

    verifier = new_verifier()
    print(_("Open this address in a browser, allow the access, and copy the address of the page"))
    print(_("that cannot be shown (it begins with http://127.0.0.1) into here:"))
    print(google_consent_url(sign_in, verifier))
    answer = ask.text(_("Address of that page"))
    return google_exchange(sign_in, secrets=secrets, answer=answer, verifier=verifier)
