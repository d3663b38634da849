"""What comes into a folder of a mailbox in Microsoft 365: the first list, and then the changes.

Both rest on the delta of messages. It gives tokens, of which the rest of the product keeps the
token alone; it does not say what is new and what only changed; and it brings no extended
properties along (its documentation allows them, the service answers with an internal error), so
whether a mail was answered is asked for separately.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from appliance.domain.errors import MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox import graph_item
from appliance.mailbox.graph_answer import BAD_REQUEST, GONE, NOT_FOUND
from appliance.mailbox.graph_ask import Ask, query, quoted, values
from appliance.mailbox.graph_folders import GraphFolders
from appliance.mailbox.graph_line import AT_ONCE, GraphLine
from appliance.mailbox.graph_seen import Ahead, Seen
from appliance.mailbox.mailstore import Begun, Changes, Listed, Ref, StateLost
from appliance.mailbox.places import Place

T = TypeVar("T")
S = TypeVar("S")

_PAGE: Final = 500
_EMPTY_PAGES: Final = 20
_ONE_BY_ONE: Final = 20
"""So many mails are asked for singly; more are looked for in a list."""

_STATE: Final = re.compile(r"\$(?:delta|skip)token=[^&#\s]+")
_LOST: Final = frozenset({BAD_REQUEST, NOT_FOUND, GONE})
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST: Final = {"$select": "id", "$top": "1"}
_DETAILS: Final = {
    "$select": "id,receivedDateTime",
    "$expand": graph_item.expand(graph_item.ANSWERED, graph_item.SIZE),
}


class GraphSync:
    """The folders' lists and changes. Safe for threads."""

    def __init__(self, *, line: GraphLine, folders: GraphFolders, clock: Clock) -> None:
        self._line = line
        self._folders = folders
        self._lock = threading.Lock()
        self._seen = {place: Seen() for place in Place}
        self._ahead = {place: Ahead(clock) for place in Place}
        self._inbox = ""

    def begin(self, place: Place, since: datetime) -> Begun:
        """As ``MailStore.begin``."""
        since = max(since, _FIRST)
        state, received = self._folders.inside(place, lambda path: self._round(path, since))
        listed = self._folders.inside(place, lambda path: self._listed(path, since, None))
        # What the one left out came or went meanwhile, or was beyond the 5,000 mails of a delta
        # with a filter.
        strays = [
            Listed(ref=Ref(id_), received=when)
            for id_, when in received.items()
            if id_ not in listed
        ]
        waiting = sorted((*listed.values(), *strays), key=_age)
        with self._lock:
            self._seen[place].told([one.ref for one in waiting], state)
            self._note(place, state)
        return Begun(state=state, waiting=tuple(waiting))

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """As ``MailStore.changes``."""
        entries, after, more = self._news(place, state, limit)
        if not entries and not more:
            return Changes(
                new=(), changed=(), state=self._unchanged(place, state, after), more=False
            )
        left = [one["id"] for one in entries if "@removed" in one]
        there = {one["id"]: graph_item.moment(one) for one in entries if "@removed" not in one}
        listed = self._looked_up(place, there)
        with self._lock:
            seen = self._seen[place]
            known = {one for one in there if seen.knows(state, one)}
            seen.forget(left)
            seen.told(there, after)
            self._note(place, after)
        return Changes(
            new=tuple(one for one in listed if one.ref not in known),
            changed=tuple(one for one in listed if one.ref in known),
            state=after,
            more=more,
        )

    def stirred(self) -> bool:
        """Whether the inbox may have changed since it was last looked at, or not looked at yet."""
        with self._lock:
            state = self._inbox
        if not state:
            ask = Ask(path="/mailFolders/inbox/messages", query=query(_NEWEST))
            return bool(values(self._line.json(ask)))
        try:
            entries, after, more = self._news(Place.INBOX, state, 10)
        except StateLost:
            return True
        if not entries and not more:
            with self._lock:
                self._ahead[Place.INBOX].nothing_since(state, after)
        return more or any("@removed" not in one for one in entries)

    def _unchanged(self, place: Place, state: str, after: str) -> str:
        """Nothing came between the two states; the one that the caller shall have."""
        with self._lock:
            ahead = self._ahead[place]
            ahead.nothing_since(state, after)
            given = ahead.given(state)
            self._seen[place].same(given, as_state=state)
            self._note(place, given)
            return given

    def _note(self, place: Place, state: str) -> None:
        if place is Place.INBOX:
            self._inbox = state

    def _round(self, path: str, since: datetime) -> tuple[str, dict[str, datetime | None]]:
        """A first round of the delta: the state at its end, and what the folder holds."""
        ask = Ask(
            path=f"/mailFolders/{path}/messages/delta",
            query=query(
                {
                    "$select": "receivedDateTime",
                    "$filter": f"receivedDateTime ge {graph_item.told(since)}",
                }
            ),
            prefer=f"odata.maxpagesize={_PAGE}",
        )
        found: dict[str, datetime | None] = {}
        while True:
            page = self._line.json(ask)
            for one in values(page):
                if "@removed" not in one:
                    found[one["id"]] = graph_item.moment(one)
            state, more = self._state(page)
            if not more:
                return state, found
            ask = Ask(path=ask.path, query=state, prefer=ask.prefer)

    def _news(self, place: Place, state: str, limit: int) -> tuple[list[dict[str, Any]], str, bool]:
        """The entries of a page of changes, the state after it, and whether there are more."""
        path = f"/mailFolders/{quoted(self._folders.id(place))}/messages/delta"
        with self._lock:
            state = self._ahead[place].of(state)
        for _ in range(_EMPTY_PAGES):
            if not _STATE.fullmatch(state):
                raise StateLost("The state of synchronisation is of another kind of mailbox.")
            prefer = f"odata.maxpagesize={min(max(limit, 1), _PAGE)}"
            answer = self._line.run(Ask(path=path, query=state, prefer=prefer), accept=_LOST)
            if answer.status in _LOST:
                raise StateLost(f"Microsoft Graph knows the state no more ({answer.code}).")
            page = answer.json()
            state, more = self._state(page)
            entries = values(page)
            if entries or not more:
                return entries, state, more
        return [], state, True

    def _state(self, page: Mapping[str, Any]) -> tuple[str, bool]:
        """The token with which a delta goes on, and whether it has more already."""
        further = self._line.further(page, "nextLink")
        for part in (further or self._line.further(page, "deltaLink")).split("&"):
            name, _, token = part.partition("=")
            state = f"{unquote(name)}={token}"
            if _STATE.fullmatch(state):
                return state, bool(further)
        raise MailboxUnreachable("Microsoft Graph answers without a state of synchronisation.")

    def _listed(self, path: str, since: datetime, until: datetime | None) -> dict[str, Listed]:
        """What a folder received in a time, oldest first, by id."""
        within = f"receivedDateTime ge {graph_item.told(since)}"
        if until is not None:
            within += f" and receivedDateTime lt {graph_item.told(until)}"
        options = {
            **_DETAILS,
            "$filter": within,
            "$orderby": "receivedDateTime asc",
            "$top": str(_PAGE),
        }
        ask = Ask(path=f"/mailFolders/{path}/messages", query=query(options))
        return {one["id"]: _listed(one) for one in self._line.items(ask)}

    def _looked_up(self, place: Place, there: Mapping[str, datetime | None]) -> Sequence[Listed]:
        """The mails as their folder lists them, in this order; those that are gone are left out."""
        times = [when for when in there.values() if when is not None]
        if len(there) <= _ONE_BY_ONE or len(times) < len(there):
            found = at_once(self._one, there)
            return [one for one in found if one is not None]
        until = max(times) + timedelta(seconds=1)
        listed = self._folders.inside(place, lambda path: self._listed(path, min(times), until))
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


def _age(one: Listed) -> datetime:
    return one.received or _FIRST
