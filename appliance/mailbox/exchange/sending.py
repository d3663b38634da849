"""Sending a draft: one request that is made once, and what can be known when it failed."""

import threading
from collections.abc import Callable
from typing import Any, Literal

from exchangelib import Account
from exchangelib.items import SEND_AND_SAVE_COPY

from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyDeferred,
)
from appliance.mailbox.exchange.faults import Busy, Fault, NotSent, SignInRefused, refusal
from appliance.mailbox.exchange.folders import named
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.gate import Gate
from appliance.mailbox.mailstore import Ref


class Sending:
    """Sends drafts, one after the other, over a connection of its own."""

    def __init__(self, *, way: Literal["send_item", "update_item"], line: Line, gate: Gate) -> None:
        self._way = way
        self._line = line
        self._gate = gate
        self._lock = threading.Lock()

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        """As ``MailStore.send``."""
        with self._lock:
            # The very connection that the request will take: signed in, and known to work.
            draft = self._line.run(lambda account: self._draft(account, ref))
            self._gate.enter()
            commit()
            try:
                self._line.run_now(lambda account: self._sent(account, draft))
            except (MailboxUnreachable, CredentialsRefused) as error:
                raise _outcome(error) from error
            except ApplianceError as error:
                raise _unknown(error) from error

    def _draft(self, account: Account, ref: Ref) -> Any:
        """The draft with its change key; it is read for the sake of the connection, too.

        Raises:
            MailboxUnreachable: it is gone, or the server cannot be reached: nothing was sent.
            CredentialsRefused: nothing was sent.
        """
        folder = named(account, "drafts")
        (draft,) = account.fetch([(ref, None)], folder=folder, only_fields=["subject"])
        if not self._line.checked(draft).id:
            raise Fault("")
        return draft

    def _sent(self, account: Account, draft: Any) -> None:
        if self._way == "send_item":
            results = account.bulk_send([draft], copy_to_folder=named(account, "sentitems"))
        else:
            # A change is needed, and this one changes nothing.
            results = account.bulk_update(
                [(draft, ["subject"])],
                message_disposition=SEND_AND_SAVE_COPY,
            )
        for one in results:
            self._line.checked(one)
        if self._way == "send_item" and not results:
            raise Fault("")


def _outcome(error: ApplianceError) -> ApplianceError:
    """What an error after the point of no return says about the mail."""
    if isinstance(error, NotSent):
        return ReplyDeferred(f"{error} The reply did not leave.")
    if isinstance(error, (Busy, SignInRefused)):
        return ReplyDeferred(f"The server took nothing. {error}")
    return refusal(error) or _unknown(error)


def _unknown(error: ApplianceError) -> MailboxUnreachable:
    return MailboxUnreachable(f"Nobody knows whether the reply left. {error}")
