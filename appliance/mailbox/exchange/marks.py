"""What a person sees of a mail in a mail program: read, answered, and by whom."""

from collections.abc import Iterator
from typing import Final

from appliance.mailbox.exchange.elements import (
    Element,
    every,
    field,
    id_of,
    item_id,
    local_name,
    made,
    text_of,
)
from appliance.mailbox.exchange.faults import Fault, Gone, Stale
from appliance.mailbox.exchange.items import ICON, LAST_VERB, REPLIED, REPLIED_ICON
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.mailstore import Marks, Ref

ANSWERED: Final = "Mail appliance: answered"
ANSWERED_BY_ITSELF: Final = "Mail appliance: answered automatically"
"""Categories: what a person sees beside a mail."""


class Marker:
    """Marks mails. Safe for threads."""

    def __init__(self, line: Line, search: Search) -> None:
        self._line = line
        self._search = search

    def mark(self, ref: Ref, marks: Marks) -> None:
        """As ``MailStore.mark``; tried twice where somebody changes the mail meanwhile."""
        if not (marks.seen or marks.answered or marks.automatic):
            return
        try:
            self._mark(ref, marks, verbs=marks.answered)
        except Gone:
            return
        except Stale:
            self._marked_again(ref, marks, verbs=marks.answered)
        except Fault:
            if not marks.answered:
                raise
            # A server may keep what it calls its own properties to itself.
            self._marked_again(ref, marks, verbs=False)

    def _marked_again(self, ref: Ref, marks: Marks, *, verbs: bool) -> None:
        try:
            self._mark(ref, marks, verbs=verbs)
        except Gone:
            return

    def _mark(self, ref: Ref, marks: Marks, *, verbs: bool) -> None:
        item = next(self._search.get([ref], _mark_uris), None)
        found = None if item is None else id_of(item)
        if item is None or found is None:
            raise Gone("ErrorItemNotFound")
        updates = list(_updates(item, marks, verbs=verbs))
        if not updates:
            return
        change = made("t:ItemChange", item_id(*found), made("t:Updates", *updates))
        body = made(
            "m:UpdateItem",
            made("m:ItemChanges", change),
            ConflictResolution="AutoResolve",
            MessageDisposition="SaveOnly",
            SuppressReadReceipts="true",
        )
        self._line.ask_one("UpdateItem", body)


def _mark_uris() -> list[Element]:
    return [field("item:Categories"), field("message:IsRead"), LAST_VERB.uri()]


def _updates(item: Element, marks: Marks, *, verbs: bool) -> Iterator[Element]:
    """What is missing of the marks; nothing that is there is taken away."""
    kind = f"t:{local_name(item)}"
    if marks.seen and text_of(item, "t:IsRead") != "true":
        yield _set(kind, field("message:IsRead"), made("t:IsRead", text="true"))
    there = [one.text or "" for one in every(item, "t:Categories/t:String")]
    wanted = [
        name
        for name, on in ((ANSWERED, marks.answered), (ANSWERED_BY_ITSELF, marks.automatic))
        if on and name not in there
    ]
    if wanted:
        strings = (made("t:String", text=name) for name in (*there, *wanted))
        yield _set(kind, field("item:Categories"), made("t:Categories", *strings))
    if verbs and LAST_VERB.of(item) != str(REPLIED):
        yield _set(kind, LAST_VERB.uri(), LAST_VERB.with_value(str(REPLIED)))
        yield _set(kind, ICON.uri(), ICON.with_value(str(REPLIED_ICON)))


def _set(kind: str, uri: Element, value: Element) -> Element:
    return made("t:SetItemField", uri, made(kind, value))
