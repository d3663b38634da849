"""The questions about an Exchange server that ``appliance setup`` asks."""

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from appliance.cli import ask
from appliance.cli.account import Account, ask_other, ask_secret, wrong_address
from appliance.cli.microsoft import ask_microsoft
from appliance.cli.servers import unreadable
from appliance.cli.words import words as _
from appliance.config.accounts import ExchangeSettings
from appliance.config.mailboxes import is_online, wrong_server
from appliance.config.secrets import Secrets
from appliance.domain.errors import ApplianceError

_PEM: Final = b"-----BEGIN CERTIFICATE-----"


def ask_exchange(account: Account, secrets: Secrets, directory: Path) -> bool:
    """The server, who signs in there, and for which mailbox; arguments as ``ask_microsoft``.

    Returns:
        Whether the server is Exchange Online, and Graph shall be used; no more was asked then.
    """
    server = ask.text(
        _("Exchange server, its name or the whole address of its EWS"),
        account.exchange.server,
        right=_wrong_server,
    )
    account.exchange = replace(account.exchange, server=server)
    if is_online(server):
        _say_what_ends()
        if ask.yes(_("Use Microsoft Graph instead?"), default=True):
            return True
    _ask_authority(account)
    if is_online(server):
        _by_token(account, secrets, directory)
    else:
        _by_password(account, secrets)
    ask_other(account)
    return False


def _say_what_ends() -> None:
    print(
        _("This is Exchange Online. Microsoft blocks EWS there since 2026-10-01, tenant by tenant,")
    )
    print(
        _("unless EWSEnabled is set and the application is in EWSAllowedAppIDs; on 2027-04-01 EWS")
    )
    print(_("ends there for good. Microsoft Graph stays."))


def _ask_authority(account: Account) -> None:
    if account.exchange.server.startswith("http://"):
        return
    answer = ask.optional(
        _("Certificate of your own authority, a PEM file (Enter: not needed)"),
        str(account.exchange.ca_file or ""),
        right=_no_certificate,
    )
    ca_file = Path(answer).expanduser().absolute() if answer else None
    account.exchange = replace(account.exchange, ca_file=ca_file)


def _by_token(account: Account, secrets: Secrets, directory: Path) -> None:
    account.exchange = replace(account.exchange, mailbox=_mailbox(account))
    ask_microsoft(account, secrets, directory)
    access: Literal["delegate", "impersonation"] = (
        "delegate" if account.sign_in.flow == "device" else "impersonation"
    )
    account.exchange = replace(account.exchange, access=access)


def _by_password(account: Account, secrets: Secrets) -> None:
    auth = _auth(account.exchange)
    user = ask.text(_("User name (DOMAIN\\user or user@domain)"), account.sign_in.user)
    account.sign_in = replace(
        account.sign_in, user=user, method="password", secret=account.name, thumbprint=""
    )
    account.tokens, account.certificate = None, ""
    ask_secret(account, secrets, account.name, _("Password"))
    mailbox = _mailbox(account)
    access = account.exchange.access
    if mailbox.lower() != user.lower():
        access = _access(access)
    account.exchange = replace(account.exchange, auth=auth, mailbox=mailbox, access=access)


def _mailbox(account: Account) -> str:
    return ask.text(
        _("Address of the mailbox to answer"), account.exchange.mailbox, right=wrong_address
    )


def _auth(exchange: ExchangeSettings) -> Literal["ntlm", "basic"]:
    choices: tuple[tuple[Literal["ntlm", "basic"], str], ...] = (
        ("ntlm", _("usual for Exchange; the password itself is not sent")),
        ("basic", _("the password, inside the encrypted connection; usual for grommunio")),
    )
    default = exchange.auth
    offered = _offered(exchange)
    if "Basic" in offered and not {"NTLM", "Negotiate"}.intersection(offered):
        default = "basic"
    return ask.choice(_("How is the password shown to the server?"), choices, default)


def _offered(exchange: ExchangeSettings) -> tuple[str, ...]:
    """What the server says it takes; nothing where it cannot be asked, which is tried out later."""
    from appliance.mailbox.probe_server import ask as ask_server
    from appliance.mailbox.probe_server import ews_address

    try:
        _status, offered = ask_server(ews_address(exchange), ca_file=exchange.ca_file)
    except ApplianceError as error:
        print(error)
        print(_("It is tried once more after the questions; then every answer can be changed."))
        return ()
    if offered:
        print(_("The server offers: {offered}.").format(offered=", ".join(offered)))
    return offered


def _access(
    default: Literal["delegate", "impersonation"],
) -> Literal["delegate", "impersonation"]:
    choices: tuple[tuple[Literal["delegate", "impersonation"], str], ...] = (
        ("delegate", _("full access to the mailbox, and the right to send as it")),
        ("impersonation", _("the role ApplicationImpersonation, limited to the mailbox")),
    )
    return ask.choice(_("Which right does this user have?"), choices, default)


def _no_certificate(answer: str) -> str:
    """What is wrong with a file of authorities; Windows hands certificates out as binary ones."""
    try:
        held = Path(answer).expanduser().read_bytes()
    except OSError:
        return unreadable(answer)
    if _PEM in held:
        return ""
    return _(
        "This holds no certificate in PEM form (text with a line -----BEGIN CERTIFICATE-----). "
        "Windows calls that form Base-64 encoded X.509."
    )


def _wrong_server(answer: str) -> str:
    if not wrong_server(answer):
        return ""
    return _("This is no name of a server, and no address that begins with https://.")
