"""Mails of a mailbox in Microsoft 365 as their folders list them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from appliance.domain.errors import MailboxUnreachable
from appliance.mailbox import graph_item
from appliance.mailbox.graph_answer import BAD_REQUEST, NOT_FOUND
from appliance.mailbox.graph_ask import Ask, query, quoted
from appliance.mailbox.graph_folders import GraphFolders
from appliance.mailbox.graph_line import AT_ONCE, GraphLine
from appliance.mailbox.mailstore import Listed, Ref
from appliance.mailbox.places import Place

T = TypeVar("T")
S = TypeVar("S")

PAGE: Final = 500
_ONE_BY_ONE: Final = 20
"""So many mails are asked for singly; more are looked for in a list."""

_DETAILS: Final = {
    "$select": "id,receivedDateTime",
    "$expand": graph_item.expand(graph_item.ANSWERED, graph_item.SIZE),
}


class GraphList:
    """Lists; remembers nothing. Safe for threads."""

    def __init__(self, *, line: GraphLine, folders: GraphFolders) -> None:
        self._line = line
        self._folders = folders

    def received(
        self, place: Place, since: datetime, until: datetime | None = None
    ) -> dict[str, Listed]:
        """What a folder received in a time, oldest first, by id."""
        within = f"receivedDateTime ge {graph_item.told(since)}"
        if until is not None:
            within += f" and receivedDateTime lt {graph_item.told(until)}"
        options = query(
            {
                **_DETAILS,
                "$filter": within,
                "$orderby": "receivedDateTime asc",
                "$top": str(PAGE),
            }
        )

        def listed(path: str) -> dict[str, Listed]:
            ask = Ask(path=f"/mailFolders/{path}/messages", query=options)
            return {one["id"]: _listed(one) for one in self._line.items(ask)}

        return self._folders.inside(place, listed)

    def these(self, place: Place, there: Mapping[str, datetime | None]) -> Sequence[Listed]:
        """Certain mails of a folder in this order; those that are gone are left out.

        Args:
            place: the folder.
            there: their ids, with when they were received where that is known.
        """
        times = [when for when in there.values() if when is not None]
        if len(there) <= _ONE_BY_ONE or len(times) < len(there):
            found = at_once(self._one, there)
            return [one for one in found if one is not None]
        listed = self.received(place, min(times), max(times) + timedelta(seconds=1))
        return [listed[one] for one in there if one in listed]

    def _one(self, id_: str) -> Listed | None:
        ask = Ask(path=f"/messages/{quoted(id_)}", query=query(_DETAILS))
        answer = self._line.run(ask, accept=frozenset({BAD_REQUEST, NOT_FOUND}))
        if answer.good:
            return _listed(answer.json())
        if answer.gone:
            return None
        raise MailboxUnreachable(f"Microsoft Graph did not show a mail ({answer.code}).")


def at_once(act: Callable[[S], T], ones: Iterable[S]) -> Iterator[T]:
    """``act`` on each, several at the same time, in order; the first error ends it."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="graph") as pool:
        yield from pool.map(act, ones)


def _listed(item: Mapping[str, Any]) -> Listed:
    return Listed(
        ref=Ref(str(item["id"])),
        received=graph_item.moment(item),
        size=graph_item.size(item),
        answered=graph_item.answered(item),
    )
