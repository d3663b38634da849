"""The answers of ``appliance setup`` about one account."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from appliance.cli import ask
from appliance.cli.words import words as _
from appliance.config.accounts import (
    ExchangeSettings,
    GraphSettings,
    ImapSettings,
    SignIn,
    SmtpSettings,
)
from appliance.config.secrets import Secret, Secrets
from appliance.mailbox.providers import Provider

Kind = Literal["imap", "exchange", "graph"]

_ADDRESS: Final = re.compile(r"""[^@\s<>,;:"\\]+@[^@\s<>,;:"\\.]+(?:\.[^@\s<>,;:"\\.]+)+""")


@dataclass(slots=True, kw_only=True)
class Account:
    """What was answered.

    Attributes:
        kind: how the mailbox is reached; only the settings of this kind count.
        secrets: by name, as they will be written.
        learned: what trying it out brought.
        tokens: the token cache of a person who signed in.
        certificate: what is to be uploaded (PEM), where setup made it.
        other: a mailbox that must be refused to this sign-in, or empty.
    """

    name: str
    provider: Provider
    kind: Kind
    imap: ImapSettings
    smtp: SmtpSettings
    exchange: ExchangeSettings
    graph: GraphSettings
    sign_in: SignIn
    secrets: dict[str, Secret] = field(default_factory=dict)
    learned: dict[str, str] = field(default_factory=dict)
    tokens: Path | None = None
    certificate: str = ""
    other: str = ""


def wrong_address(answer: str) -> str:
    """What is wrong with a mail address, or nothing."""
    if _ADDRESS.fullmatch(answer):
        return ""
    return _("This is no mail address, such as service@example.com.")


def ask_secret(account: Account, secrets: Secrets, name: str, question: str) -> None:
    """A secret that nobody sees; Enter keeps that of the last round."""
    kept = account.secrets.get(name)
    hint = _("not shown while you type") if kept is None else _("not shown; Enter: as before")
    answer = ask.hidden(f"{question} ({hint})", kept=kept is not None)
    if answer:
        keep(account, secrets, name, Secret(answer))


def keep(account: Account, secrets: Secrets, name: str, secret: Secret) -> None:
    """Keep a secret with the account, and where it is tried out."""
    account.secrets[name] = secret
    secrets.put(name, secret)


def ask_other(account: Account) -> None:
    """The address with which it is tried that the sign-in reaches no more than it should."""
    account.other = ask.optional(
        _("Another mailbox that must stay closed to this sign-in, to try that (Enter: none)"),
        account.other,
        right=wrong_address,
    )
