"""Builds the mailbox of one ``[[mailbox]]`` of kind exchange or graph from its settings."""

import socket
from pathlib import Path

from appliance.config.accounts import StoreSettings
from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings
from appliance.domain.ports import Clock
from appliance.mailbox.identity import box_id, sign_in_method
from appliance.mailbox.mailstore import MailStore
from appliance.mailbox.places import Place
from appliance.mailbox.record import Recorder
from appliance.mailbox.signin import SignIn
from appliance.mailbox.store_arrivals import StoreArrivals
from appliance.mailbox.store_claim import StoreClaim
from appliance.mailbox.store_mailbox import StoreMailbox


def open_store_mailbox(
    settings: MailboxSettings, *, secrets: Secrets, state: Path, clock: Clock
) -> StoreMailbox:
    """The mailbox; nothing is connected before it is used.

    Args:
        settings: of kind exchange or graph.
        secrets: where the names in ``sign_in`` lead.
        state: the state directory, for the token cache and this box's identity.
        clock: the time.

    Raises:
        ConfigError, DiskFull: a setting is wrong, or the state directory cannot be written to.
    """
    sign_in = SignIn(sign_in_method(settings, secrets=secrets, state=state, clock=clock), clock)
    store = open_store(settings, sign_in=sign_in, clock=clock)
    return mailbox_over(store, settings, box=box_id(state), clock=clock)


def mailbox_over(
    store: MailStore, settings: MailboxSettings, *, box: str, clock: Clock
) -> StoreMailbox:
    """The mailbox over a store; ``box`` tells this box from every other."""
    limits = store_settings(settings)

    def arrivals(place: Place) -> StoreArrivals:
        return StoreArrivals(
            mailbox=settings.name,
            store=store,
            place=place,
            backlog_days=limits.backlog_days,
            largest_mb=limits.largest_mb,
            clock=clock,
        )

    return StoreMailbox(
        name=settings.name,
        store=store,
        arrivals=arrivals(Place.INBOX),
        sent_mail=arrivals(Place.SENT),
        claim=StoreClaim(store, box=box, host=socket.gethostname(), clock=clock),
        clock=clock,
        opened=clock.steady(),
    )


def open_store(
    settings: MailboxSettings, *, sign_in: SignIn, clock: Clock, recorder: Recorder | None = None
) -> MailStore:
    """The store of kind exchange or graph; only its own libraries are loaded.

    ``recorder`` takes down what is asked and answered.
    """
    if settings.kind == "exchange":
        from appliance.mailbox.exchange.store import open_store as open_exchange

        return open_exchange(settings, sign_in=sign_in, clock=clock, recorder=recorder)
    from appliance.mailbox.graph import open_store as open_graph

    return open_graph(settings, sign_in=sign_in, clock=clock, recorder=recorder)


def store_settings(settings: MailboxSettings) -> StoreSettings:
    """The table that belongs to the kind."""
    return settings.exchange if settings.kind == "exchange" else settings.graph
