"""Builds the probes of a mailbox of kind exchange or graph from its settings."""

from pathlib import Path

from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings, Office
from appliance.domain.ports import Clock
from appliance.mailbox.identity import sign_in_method
from appliance.mailbox.mailstore import MailStore
from appliance.mailbox.probe_store import StoreProbe
from appliance.mailbox.probe_wish import Wish
from appliance.mailbox.signin import SignIn
from appliance.mailbox.store_account import open_store


def open_probe(
    settings: MailboxSettings,
    office: Office,
    wish: Wish,
    *,
    secrets: Secrets,
    state: Path,
    clock: Clock,
) -> StoreProbe:
    """The probes of a mailbox of kind exchange or graph; connects to nobody yet.

    Args:
        settings: of the mailbox.
        office: whose address sends.
        wish: what is to be tried.
        secrets: where the names in ``sign_in`` lead.
        state: holds the token cache.
        clock: the time.

    Raises:
        ConfigError: nobody can sign in with these settings.
    """

    def new_sign_in(one: MailboxSettings) -> SignIn:
        return SignIn(sign_in_method(one, secrets=secrets, state=state, clock=clock), clock)

    def open_one(one: MailboxSettings) -> MailStore:
        # A refusal at another mailbox must not be remembered against our own.
        return open_store(one, sign_in=new_sign_in(one), clock=clock, recorder=wish.record)

    return StoreProbe(
        settings, office, wish, open_one=open_one, sign_in=new_sign_in(settings), clock=clock
    )
