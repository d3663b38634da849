"""What comes into a folder of a mailbox in Microsoft 365: the first list, and then the changes.

Both rest on the delta of messages. It gives links, of which the rest of the product keeps the
token alone; it does not say what is new and what only changed, so everything is told as new; and it
brings no extended properties along (its documentation allows them, the service answers with an
internal error), so whether a mail was answered is asked for separately.
"""

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from appliance.domain.errors import MailboxUnreachable
from appliance.mailbox import graph_item
from appliance.mailbox.graph_answer import BAD_REQUEST, GONE, NOT_FOUND
from appliance.mailbox.graph_ask import Ask, query, quoted, values
from appliance.mailbox.graph_folders import GraphFolders
from appliance.mailbox.graph_line import GraphLine
from appliance.mailbox.graph_list import PAGE, GraphList
from appliance.mailbox.graph_poll import GraphPoll, is_polled, state_after
from appliance.mailbox.mailstore import Begun, Changes, Listed, Ref, StateLost
from appliance.mailbox.places import Place

_EMPTY_PAGES: Final = 20

_STATE: Final = re.compile(r"\$(?:delta|skip)token=[^&#\s]+")
_NO_DELTA: Final = frozenset({BAD_REQUEST, 405, 501})
_LOST: Final = frozenset({BAD_REQUEST, NOT_FOUND, GONE})
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST: Final = {"$select": "id", "$top": "1"}


class GraphSync:
    """The folders' lists and changes. Safe for threads."""

    def __init__(self, *, line: GraphLine, folders: GraphFolders) -> None:
        self._line = line
        self._folders = folders
        self._lists = GraphList(line=line, folders=folders)
        self._poll = GraphPoll(self._lists)
        self._lock = threading.Lock()
        self._inbox = ""

    def begin(self, place: Place, since: datetime) -> Begun:
        """As ``MailStore.begin``."""
        since = max(since, _FIRST)
        begun = self._folders.inside(place, lambda path: self._round(path, since))
        listed = self._lists.received(place, since)
        state, received = begun or (state_after(listed.values(), since), {})
        # What the one left out came or went meanwhile, or was beyond the 5,000 mails of a delta
        # with a filter.
        strays = [
            Listed(ref=Ref(id_), received=when)
            for id_, when in received.items()
            if id_ not in listed
        ]
        waiting = sorted((*listed.values(), *strays), key=_age)
        self._note(place, state)
        return Begun(state=state, waiting=tuple(waiting))

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """As ``MailStore.changes``."""
        if is_polled(state):
            return self._polled(place, state, limit)
        entries, after, more = self._news(place, state, limit)
        there = {one["id"]: graph_item.moment(one) for one in entries if "@removed" not in one}
        new = self._lists.these(place, there) if there else ()
        self._note(place, after)
        return Changes(new=tuple(new), changed=(), state=after, more=more)

    def stirred(self) -> bool:
        """Whether the inbox may have changed since it was last looked at, or not looked at yet."""
        with self._lock:
            state = self._inbox
        if not state:
            ask = Ask(path="/mailFolders/inbox/messages", query=query(_NEWEST))
            return bool(values(self._line.json(ask)))
        try:
            if is_polled(state):
                return bool(self._poll.changes(Place.INBOX, state, 1).new)
            entries, _, more = self._news(Place.INBOX, state, 10)
        except StateLost:
            return True
        return more or any("@removed" not in one for one in entries)

    def _polled(self, place: Place, state: str, limit: int) -> Changes:
        changes = self._poll.changes(place, state, limit)
        self._note(place, changes.state)
        return changes

    def _note(self, place: Place, state: str) -> None:
        if place is Place.INBOX:
            with self._lock:
                self._inbox = state

    def _round(self, path: str, since: datetime) -> tuple[str, dict[str, datetime | None]] | None:
        """A first round of the delta: the state at its end, and what the folder holds.

        None: this cloud has none.
        """
        ask = Ask(
            path=f"/mailFolders/{path}/messages/delta",
            query=query(
                {
                    "$select": "receivedDateTime",
                    "$filter": f"receivedDateTime ge {graph_item.told(since)}",
                }
            ),
            prefer=f"odata.maxpagesize={PAGE}",
        )
        found: dict[str, datetime | None] = {}
        answer = self._line.run(ask, accept=_NO_DELTA)
        if not answer.good and answer.code and not answer.gone:
            return None
        while True:
            page = answer.json()
            for one in values(page):
                if "@removed" not in one:
                    found[one["id"]] = graph_item.moment(one)
            state, more = self._state(page)
            if not more:
                return state, found
            answer = self._line.run(Ask(path=ask.path, query=state, prefer=ask.prefer))

    def _news(self, place: Place, state: str, limit: int) -> tuple[list[dict[str, Any]], str, bool]:
        """The entries of a page of changes, the state after it, and whether there are more."""
        path = f"/mailFolders/{quoted(self._folders.id(place))}/messages/delta"
        for _ in range(_EMPTY_PAGES):
            if not _STATE.fullmatch(state):
                raise StateLost("The state of synchronisation is of another kind of mailbox.")
            prefer = f"odata.maxpagesize={min(max(limit, 1), PAGE)}"
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


def _age(one: Listed) -> datetime:
    return one.received or _FIRST
