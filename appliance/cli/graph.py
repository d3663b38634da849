"""The questions about a mailbox in Microsoft 365 that ``appliance setup`` asks."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from appliance.cli import ask
from appliance.cli.account import Account, ask_other, wrong_address
from appliance.cli.microsoft import ask_microsoft
from appliance.cli.words import words as _
from appliance.config.accounts import GraphSettings
from appliance.config.mailboxes import wrong_address as wrong_endpoint
from appliance.config.secrets import Secrets


def ask_graph(account: Account, secrets: Secrets, directory: Path) -> None:
    """The mailbox and the application; arguments as ``ask_microsoft``."""
    print(_("An application has to be registered in your tenant first: docs/exchange.md says how."))
    mailbox = ask.text(
        _("Address of the mailbox in Microsoft 365"), account.graph.mailbox, right=wrong_address
    )
    ask_microsoft(account, secrets, directory)
    account.graph = replace(account.graph, mailbox=mailbox, endpoint=_endpoint(account))
    ask_other(account)


def _endpoint(account: Account) -> str:
    """Asked only where the sign-in service is another one, too."""
    from appliance.mailbox.scopes import graph_endpoint

    authority = account.sign_in.authority
    usual = GraphSettings().endpoint
    if not authority:
        return usual
    known = account.graph.endpoint
    offered = known if known != usual else graph_endpoint(urlsplit(authority).netloc)
    return ask.text(_("Address of Microsoft Graph"), offered, right=_wrong)


def _wrong(answer: str) -> str:
    return _("This is no address that begins with https://.") if wrong_endpoint(answer) else ""
