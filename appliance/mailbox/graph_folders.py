"""The folders of a mailbox in Microsoft 365: ids by purpose; those that are missing are made."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from appliance.config.accounts import GraphSettings
from appliance.domain.errors import MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.graph_answer import Gone
from appliance.mailbox.graph_ask import Ask, query, quoted
from appliance.mailbox.graph_line import GraphLine
from appliance.mailbox.places import Place

T = TypeVar("T")

_WELL_KNOWN: Final[Mapping[Place, str]] = {
    Place.INBOX: "inbox",
    Place.SENT: "sentitems",
    Place.DRAFTS: "drafts",
    Place.OUTBOX: "outbox",
}
_FRESH_SECONDS: Final = 60.0
"""For so long a folder is taken to lie where it did: one that a person throws away keeps its id."""

_TOP: Final = Ask(path="/mailFolders", query=query({"$select": "id,displayName", "$top": "250"}))
_EXISTS: Final = frozenset({409})


class GraphFolders:
    """Folders of one mailbox. Safe for threads."""

    def __init__(self, settings: GraphSettings, *, line: GraphLine, clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._names = {
            Place.HANDLED: settings.handled,
            Place.HELD: settings.held,
            Place.SKIPPED: settings.skipped,
            Place.CLAIM: settings.claim,
        }
        self._lock = threading.RLock()
        self._ours: dict[Place, str] = {}
        self._looked: float | None = None
        self._standing: dict[Place, str] = {}

    def inside(self, place: Place, act: Callable[[str], T]) -> T:
        """Act on a folder, given as it stands in a path; one that has just gone is made anew.

        Raises:
            Gone: what ``act`` asks for is not there, and the folder is.
        """
        try:
            return act(quoted(self.id(place)))
        except Gone:
            if place in _WELL_KNOWN:
                raise
            before = self.id(place)
            self._forget()
            if self.id(place) == before:
                raise
            return act(quoted(self.id(place)))

    def id(self, place: Place) -> str:
        """The id of a folder, or its well-known name, which serves as one."""
        known = _WELL_KNOWN.get(place)
        if known is not None:
            return known
        with self._lock:
            self._look()
            if place not in self._ours:
                self._ours[place] = self._make(self._names[place])
            return self._ours[place]

    def place(self, folder: str) -> Place | None:
        """What a folder is for, by its real id."""
        with self._lock:
            found = self._places().get(folder)
            if found is None and self._look():
                found = self._places().get(folder)
            return found

    def _places(self) -> dict[str, Place]:
        for place in (Place.INBOX, Place.SENT, Place.DRAFTS):
            if place not in self._standing:
                ask = Ask(path=f"/mailFolders/{_WELL_KNOWN[place]}", query=query({"$select": "id"}))
                self._standing[place] = str(self._line.json(ask).get("id"))
        if self._looked is None:
            self._look()
        return {id_: place for place, id_ in (*self._ours.items(), *self._standing.items())}

    def _forget(self) -> None:
        with self._lock:
            self._looked = None

    def _look(self) -> bool:
        """List the mailbox's folders where that was a while ago; True where they are others now."""
        now = self._clock.steady()
        if self._looked is not None and now - self._looked < _FRESH_SECONDS:
            return False
        named = {name.casefold(): place for place, name in self._names.items()}
        before, self._ours = self._ours, {}
        for folder in self._line.items(_TOP):
            place = named.get(str(folder.get("displayName")).casefold())
            if place is not None:
                self._ours.setdefault(place, folder["id"])
        self._looked = now
        return self._ours != before

    def _make(self, name: str) -> str:
        ask = Ask(verb="POST", path="/mailFolders", body={"displayName": name})
        answer = self._line.run(ask, accept=_EXISTS)
        if answer.good:
            return _id(answer.json())
        # Somebody made it this moment.
        for folder in self._line.items(_TOP):
            if str(folder.get("displayName")).casefold() == name.casefold():
                return _id(folder)
        raise MailboxUnreachable("A folder of the mailbox can neither be found nor made.")


def _id(folder: Mapping[str, Any]) -> str:
    found = folder.get("id")
    if not isinstance(found, str):
        raise MailboxUnreachable("Microsoft Graph answers without the id of a folder.")
    return found
