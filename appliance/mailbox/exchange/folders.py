"""The folders of an account: found by what the server calls them, ours made where missing."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from exchangelib import Account, Folder, FolderCollection
from exchangelib.folders import SHALLOW, Root
from exchangelib.services import CreateFolder

from appliance.config.accounts import ExchangeSettings
from appliance.domain.ports import Clock
from appliance.mailbox.exchange.faults import Fault, FolderGone, Gone
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.models import NamedFolder
from appliance.mailbox.places import Place

T = TypeVar("T")

_DISTINGUISHED: Final = {
    Place.INBOX: "inbox",
    Place.SENT: "sentitems",
    Place.DRAFTS: "drafts",
    Place.OUTBOX: "outbox",
}
_ROOT: Final = "msgfolderroot"
_FRESH_SECONDS: Final = 60.0
"""A folder that a person threw away keeps its id inside the deleted items: look now and then."""


class Folders:
    """Shared by all who work on the account; safe for threads."""

    def __init__(self, settings: ExchangeSettings, line: Line, clock: Clock) -> None:
        self._names = {
            Place.HANDLED: settings.handled,
            Place.HELD: settings.held,
            Place.SKIPPED: settings.skipped,
            Place.CLAIM: settings.claim,
        }
        self._line = line
        self._clock = clock
        self._lock = threading.Lock()
        self._ids: dict[str, Place] = {}
        self._own: dict[Place, str] = {}
        self._until = 0.0

    def within(self, place: Place, act: Callable[[NamedFolder], T]) -> T:
        """Do something with a folder; once more where it was deleted."""
        folder = self.name(place)
        try:
            return self._line.run(lambda account: act(named(account, folder)))
        except (FolderGone, Gone):
            self.forget()
            again = self.name(place)
            if again == folder:
                raise
            return self._line.run(lambda account: act(named(account, again)))

    def name(self, place: Place) -> str:
        """The distinguished name or, as we know it, the id of a folder."""
        return _DISTINGUISHED.get(place) or self._ours(place)

    def place_of(self, folder: str) -> Place | None:
        """What the folder with this id is for; None: it is none of those we know."""
        with self._lock:
            own = {one: place for place, one in self._own.items()}
        return own.get(folder) or self._every().get(folder)

    def forget(self) -> None:
        """Look for our own folders again when they are needed next."""
        with self._lock:
            self._own.clear()

    def _every(self) -> dict[str, Place]:
        """The folders that every account has, by their ids, which stay for ever."""

        def get(account: Account) -> dict[str, Place]:
            asked = [named(account, name) for name in _DISTINGUISHED.values()]
            folders = FolderCollection(account=account, folders=asked)
            found: dict[str, Place] = {}
            for place, one in zip(
                _DISTINGUISHED, folders.get_folders(additional_fields=set()), strict=True
            ):
                with suppress(FolderGone, Gone):
                    found[self._line.checked(one).id] = place
            return found

        with self._lock:
            if not self._ids:
                self._ids = self._line.run(get)
            return self._ids

    def _ours(self, place: Place) -> str:
        with self._lock:
            if self._clock.steady() >= self._until or place not in self._own:
                self._own = self._line.run(self._found)
                self._until = self._clock.steady() + _FRESH_SECONDS
            if place not in self._own:
                self._own[place] = self._made(place)
            return self._own[place]

    def _found(self, account: Account) -> dict[Place, str]:
        """Our folders among those beside the inbox; names are compared as Exchange does."""
        beside = FolderCollection(account=account, folders=[named(account, _ROOT)])
        found: dict[Place, str] = {}
        for one in beside.find_folders(depth=SHALLOW, additional_fields=set(), page_size=200):
            name = (self._line.checked(one).name or "").casefold()
            found |= {
                place: one.id for place, wanted in self._names.items() if wanted.casefold() == name
            }
        return found

    def _made(self, place: Place) -> str:
        name = self._names[place]

        def make(account: Account) -> str:
            root = named(account, _ROOT)
            folder = Folder(root=root.root, name=name, folder_class="IPF.Note")
            made: str = CreateFolder(account=account).get(parent_folder=root, folders=[folder]).id
            return made

        try:
            return self._line.run(make)
        except Fault as error:
            if error.code != "ErrorFolderExists":
                raise
        found = self._line.run(self._found).get(place)
        if found is None:
            raise FolderGone("ErrorFolderNotFound")
        return found


def named(account: Account, name: str) -> NamedFolder:
    """The folder with this id or distinguished name; nothing is asked of the server."""
    return NamedFolder(root=Root(account=account), id=name)
