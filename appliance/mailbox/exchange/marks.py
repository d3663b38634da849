"""What a mail program shows of a mail: read, answered, and by whom."""

from typing import Any, Final

from exchangelib import Account

from appliance.mailbox.exchange.faults import Fault, Gone, Stale
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.models import ICON, LAST_VERB, REPLIED, REPLIED_ICON
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.mailstore import Marks, Ref

_UNMARKABLE: Final = frozenset(
    """
    ErrorItemSave ErrorItemSavePropertyError ErrorItemCorrupt ErrorCorruptData ErrorPropertyUpdate
    ErrorInvalidPropertySet ErrorPropertyValidationFailure
    """.split()
)
"""This mail takes no mark, now or ever; others must not wait for it to be filed."""

_FIELDS: Final = ("categories", "is_read", LAST_VERB)


class Marker:
    """Marks mails. Safe for threads."""

    def __init__(self, line: Line, search: Search) -> None:
        self._line = line
        self._search = search

    def mark(self, ref: Ref, marks: Marks) -> None:
        """As ``MailStore.mark``; tried twice where somebody changes the mail meanwhile.

        A mail that cannot be marked stays without.
        """
        verbs = marks.answered
        for again in (True, False):
            try:
                self._mark(ref, marks, verbs=verbs)
            except Gone:
                return
            except Fault as error:
                stale = isinstance(error, Stale)
                if not verbs and error.code in _UNMARKABLE:
                    return
                if not again or not (stale or verbs):
                    raise
                # A server may keep what it calls its own properties to itself.
                verbs = verbs and stale
            else:
                return

    def _mark(self, ref: Ref, marks: Marks, *, verbs: bool) -> None:
        for item in self._search.get([ref], _FIELDS):
            fields = _changed(item, marks, verbs=verbs)

            def update(account: Account, item: Any = item, fields: Any = fields) -> None:
                for result in account.bulk_update([(item, fields)]):
                    self._line.checked(result)

            if fields:
                self._line.run(update)


def _changed(item: Any, marks: Marks, *, verbs: bool) -> list[str]:
    """Add what is missing of the marks, take nothing away; the fields that changed."""
    wanted: dict[str, Any] = {}
    if marks.seen and getattr(item, "is_read", None) is False:
        wanted["is_read"] = True
    there = list(item.categories or ())
    if marks.category and marks.category not in there:
        wanted["categories"] = [*there, marks.category]
    if verbs and getattr(item, LAST_VERB) != REPLIED:
        wanted |= {LAST_VERB: REPLIED, ICON: REPLIED_ICON}
    for name, value in wanted.items():
        setattr(item, name, value)
    return list(wanted)
