"""Sending a draft: one request that is made once, and what can be known when it failed."""

import threading
from collections.abc import Callable
from typing import Final, Literal

from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyDeferred,
)
from appliance.mailbox.exchange.elements import (
    Element,
    field,
    first,
    id_of,
    item_id,
    made,
    shape,
    text_of,
)
from appliance.mailbox.exchange.faults import Busy, Fault, NotSent, SignInRefused, fault, refusal
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.gate import Gate
from appliance.mailbox.mailstore import Ref
from appliance.mailbox.places import Place

_OK: Final = "NoError"


class Sending:
    """Sends drafts, one after the other, over a connection of its own."""

    def __init__(
        self, *, way: Literal["send_item", "update_item"], line: Line, folders: Folders, gate: Gate
    ) -> None:
        self._way = way
        self._line = line
        self._folders = folders
        self._gate = gate
        self._lock = threading.Lock()

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        """As ``MailStore.send``."""
        with self._lock:
            # The very connection that the request will take: signed in, and known to work.
            request = self._request(self._draft(ref))
            self._gate.enter()
            commit()
            try:
                answers = self._line.ask_now(self._operation, request)
            except (MailboxUnreachable, CredentialsRefused) as error:
                raise _outcome(error) from error
            except ApplianceError as error:
                raise _unknown(error) from error
            self._judge(answers)

    @property
    def _operation(self) -> str:
        return "SendItem" if self._way == "send_item" else "UpdateItem"

    def _draft(self, ref: Ref) -> Element:
        """The draft with its change key; it is read for the sake of the connection, too.

        Raises:
            MailboxUnreachable: it is gone, or the server cannot be reached: nothing was sent.
            CredentialsRefused: nothing was sent.
        """
        body = made(
            "m:GetItem",
            shape("m:ItemShape", field("item:Subject")),
            made("m:ItemIds", item_id(ref)),
        )
        items = first(self._line.ask_one("GetItem", body), "m:Items")
        if items is None or not len(items):
            raise Fault("")
        return items[0]

    def _request(self, draft: Element) -> Element:
        found = id_of(draft)
        if found is None:
            raise Fault("")
        if self._way == "send_item":
            sent = made("m:SavedItemFolderId", self._folders.named(Place.SENT))
            return made(
                "m:SendItem", made("m:ItemIds", item_id(*found)), sent, SaveItemToFolder="true"
            )
        # A change is needed, and this one changes nothing.
        subject = made("t:Message", made("t:Subject", text=text_of(draft, "t:Subject") or ""))
        update = made("t:SetItemField", field("item:Subject"), subject)
        change = made("t:ItemChange", item_id(*found), made("t:Updates", update))
        return made(
            "m:UpdateItem",
            made("m:ItemChanges", change),
            ConflictResolution="AutoResolve",
            MessageDisposition="SendAndSaveCopy",
            SendMeetingInvitationsOrCancellations="SendToNone",
            SuppressReadReceipts="true",
        )

    def _judge(self, answers: list[Element]) -> None:
        codes = [(text_of(one, "m:ResponseCode") or "").strip() for one in answers]
        if codes == [_OK]:
            return
        error = self._line.failure(answers[0]) if len(answers) == 1 else fault("")
        if error is not None:
            raise _outcome(error) from error


def _outcome(error: ApplianceError) -> ApplianceError:
    """What an error after the point of no return says about the mail."""
    if isinstance(error, NotSent):
        return ReplyDeferred(f"{error} The reply did not leave.")
    if isinstance(error, (Busy, SignInRefused)):
        return ReplyDeferred(f"The server took nothing. {error}")
    return refusal(error) or _unknown(error)


def _unknown(error: ApplianceError) -> MailboxUnreachable:
    return MailboxUnreachable(f"Nobody knows whether the reply left. {error}")
