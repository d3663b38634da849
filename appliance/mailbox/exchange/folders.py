"""The folders of an account: found by what the server calls them, ours made where missing."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from appliance.config.accounts import ExchangeSettings
from appliance.domain.ports import Clock
from appliance.mailbox.exchange.elements import (
    Element,
    every,
    field,
    first,
    id_of,
    made,
    shape,
    text_of,
)
from appliance.mailbox.exchange.faults import Fault, FolderGone, Gone
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.places import Place

T = TypeVar("T")

_DISTINGUISHED: Final = {
    Place.INBOX: "inbox",
    Place.SENT: "sentitems",
    Place.DRAFTS: "drafts",
    Place.OUTBOX: "outbox",
}
_ROOT: Final = "msgfolderroot"
_PAGE: Final = 200
_FRESH_SECONDS: Final = 600.0
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
        self._ids: dict[Place, str] = {}
        self._own: dict[Place, str] = {}
        self._until = 0.0

    def within(self, place: Place, act: Callable[[Element], T]) -> T:
        """Do something with the element that names a folder; once more where it was deleted."""
        if place in _DISTINGUISHED:
            return act(self.named(place))
        folder = self._ours(place)
        try:
            return act(made("t:FolderId", Id=folder))
        except (FolderGone, Gone):
            self.forget()
            again = self._ours(place)
            if again == folder:
                raise
            return act(made("t:FolderId", Id=again))

    def named(self, place: Place) -> Element:
        """The element that names a folder as we know it."""
        if place in _DISTINGUISHED:
            return self._distinguished(_DISTINGUISHED[place])
        return made("t:FolderId", Id=self._ours(place))

    def place_of(self, folder: str) -> Place | None:
        """What the folder with this id is for; None: it is none of those we know."""
        known = {**self._own_ids(), **self._own}
        return next((place for place, one in known.items() if one == folder), None)

    def forget(self) -> None:
        """Look for our own folders again when they are needed next."""
        with self._lock:
            self._own.clear()

    def _distinguished(self, name: str) -> Element:
        if self._line.address is None:
            return made("t:DistinguishedFolderId", Id=name)
        mailbox = made("t:Mailbox", made("t:EmailAddress", text=self._line.address))
        return made("t:DistinguishedFolderId", mailbox, Id=name)

    def _own_ids(self) -> dict[Place, str]:
        """The ids of the folders that every account has; they stay for ever."""
        with self._lock:
            if not self._ids:
                places = tuple(_DISTINGUISHED)
                names = (self._distinguished(_DISTINGUISHED[place]) for place in places)
                body = made("m:GetFolder", shape("m:FolderShape"), made("m:FolderIds", *names))
                answers = self._line.ask("GetFolder", body)
                for place, answer in zip(places, answers, strict=False):
                    error = self._line.failure(answer)
                    if error is None:
                        self._ids[place] = self._folder_id(answer)
                    elif not isinstance(error, FolderGone | Gone):
                        raise error
            return dict(self._ids)

    def _ours(self, place: Place) -> str:
        with self._lock:
            if self._clock.steady() >= self._until or place not in self._own:
                self._own = self._find()
                self._until = self._clock.steady() + _FRESH_SECONDS
            if place not in self._own:
                self._own[place] = self._make(self._names[place])
            return self._own[place]

    def _find(self, only: str = "") -> dict[Place, str]:
        """Our folders among those beside the inbox; names are compared as Exchange does."""
        wanted = {
            name.casefold(): place
            for place, name in self._names.items()
            if only.casefold() in {"", name.casefold()}
        }
        found: dict[Place, str] = {}
        offset = 0
        while True:
            root = first(self._line.ask_one("FindFolder", self._page(offset)), "m:RootFolder")
            folders = [] if root is None else list(every(root, "t:Folders/t:Folder"))
            for one in folders:
                place = wanted.get((text_of(one, "t:DisplayName") or "").casefold())
                there = id_of(one, "t:FolderId")
                if place is not None and there is not None:
                    found[place] = there[0]
            offset += len(folders)
            if root is None or not folders or root.get("IncludesLastItemInRange") != "false":
                return found

    def _page(self, offset: int) -> Element:
        view = made(
            "m:IndexedPageFolderView",
            MaxEntriesReturned=str(_PAGE),
            Offset=str(offset),
            BasePoint="Beginning",
        )
        return made(
            "m:FindFolder",
            shape("m:FolderShape", field("folder:DisplayName")),
            view,
            made("m:ParentFolderIds", self._distinguished(_ROOT)),
            Traversal="Shallow",
        )

    def _make(self, name: str) -> str:
        folder = made(
            "t:Folder", made("t:FolderClass", text="IPF.Note"), made("t:DisplayName", text=name)
        )
        body = made(
            "m:CreateFolder",
            made("m:ParentFolderId", self._distinguished(_ROOT)),
            made("m:Folders", folder),
        )
        try:
            made_id = self._folder_id(self._line.ask_one("CreateFolder", body))
        except Fault as error:
            if error.code != "ErrorFolderExists":
                raise
            made_id = next(iter(self._find(name).values()), "")
        if not made_id:
            raise FolderGone("ErrorFolderNotFound")
        return made_id

    @staticmethod
    def _folder_id(message: Element) -> str:
        folders = first(message, "m:Folders")
        found = None if folders is None or not len(folders) else id_of(folders[0], "t:FolderId")
        return "" if found is None else found[0]
