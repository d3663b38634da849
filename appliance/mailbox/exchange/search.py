"""What lies in a folder: its changes by synchronisation, its mails by a condition, mails by id."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from appliance.domain.errors import ApplianceError
from appliance.mailbox.exchange.elements import (
    Element,
    equal,
    field,
    first,
    id_of,
    item_ids,
    local_name,
    made,
    shape,
    text_of,
)
from appliance.mailbox.exchange.faults import FolderGone, Gone
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.items import TAGS, listed, listed_uris
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.mailstore import Begun, Changes, Listed, Ref, StateLost, Tag
from appliance.mailbox.places import Place

PAGE: Final = 512
"""No more changes are given at once (MS-OXWSSYNC §3.1.4.2)."""

_FOUND_AT_ONCE: Final = 500
_GOT_AT_ONCE: Final = 100
_LISTED_LENGTH: Final = 255
"""Of a longer text a list of mails shows the beginning."""

_LONGEST_STATE: Final = 1_000_000


class Search:
    """Reads folders of one account. Safe for threads."""

    def __init__(self, line: Line, folders: Folders) -> None:
        self._line = line
        self._folders = folders

    def begin(self, place: Place, since: datetime) -> Begun:
        """As ``MailStore.begin``; one walk through the folder gives its state and its mails.

        A second walk with a condition would trust the server's filter, and its pages would slip
        whenever somebody moves a mail away meanwhile.
        """
        lying: dict[Ref, Listed] = {}
        state = ""
        while True:
            answer = self._synchronised(place, state, PAGE)
            for kind, one in _changes(answer):
                if kind == "Delete":
                    lying.pop(one.ref, None)
                elif one.received is None or one.received >= since:
                    lying[one.ref] = one
            before, state = state, _state(answer)
            if _is_last(answer) or state == before:
                break
        waiting = sorted(lying.values(), key=lambda one: (one.received or since, one.ref))
        return Begun(state=state, waiting=tuple(waiting))

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """As ``MailStore.changes``."""
        if not state or len(state) > _LONGEST_STATE:
            raise StateLost("There is no state of synchronisation to go on from.")
        try:
            answer = self._synchronised(place, state, max(1, min(limit, PAGE)))
        except FolderGone as error:
            self._folders.forget()
            raise StateLost("The folder was deleted and made anew.") from error
        found = list(_changes(answer))
        anything = len(_container(answer)) > 0
        return Changes(
            new=tuple(one for kind, one in found if kind == "Create"),
            changed=tuple(one for kind, one in found if kind == "Update"),
            state=_state(answer) if anything else state,
            more=not _is_last(answer),
        )

    def get(self, refs: Sequence[Ref], uris: Callable[[], list[Element]]) -> Iterator[Element]:
        """The items that are still there, in the order asked for."""
        for at in range(0, len(refs), _GOT_AT_ONCE):
            for item, _ in self.got(refs[at : at + _GOT_AT_ONCE], uris):
                if item is not None:
                    yield item

    def got(
        self, refs: Sequence[Ref], uris: Callable[[], list[Element]]
    ) -> list[tuple[Element | None, ApplianceError | None]]:
        """Each item, or None and what was wrong with it alone; one request."""
        body = made("m:GetItem", shape("m:ItemShape", *uris()), item_ids(refs))
        return [self._item(message) for message in self._line.ask("GetItem", body)]

    def _item(self, message: Element) -> tuple[Element | None, ApplianceError | None]:
        error = self._line.failure(message)
        if error is not None:
            its_own = isinstance(error, Gone) or getattr(error, "code", "") in _ITS_OWN
            if not its_own:
                raise error
            return None, error
        items = _children(message, "m:Items")
        return (items[0] if items else None), None

    def find(
        self,
        place: Place,
        condition: Element | None,
        uris: Callable[[], list[Element]],
        newest: int | None = None,
    ) -> Iterator[Element]:
        """Items of a folder that meet a condition, which the server may have ignored.

        Args:
            place: the folder.
            condition: what is asked for; None: everything.
            uris: what to tell of each.
            newest: give so many, the newest first; None: all, oldest first.
        """
        offset = 0
        while True:
            page = min(newest or _FOUND_AT_ONCE, _FOUND_AT_ONCE)
            root = self._found(place, condition, uris(), (offset, page, newest is not None))
            items = _children(root, "t:Items")
            yield from items
            offset += len(items)
            if not items or not _is_more(root, offset) or (newest and offset >= newest):
                return

    def tagged(self, place: Place, tag: Tag, value: str) -> Iterator[Ref]:
        """As ``MailStore.tagged``; each hit is looked at."""
        name = TAGS[tag]
        cut: list[Ref] = []
        for item in self.find(place, equal(name.uri(), value), lambda: [name.uri()]):
            found, its = id_of(item), name.of(item)
            if found is None or not its:
                continue
            if its == value:
                yield Ref(found[0])
            elif begins(its, (value,)):
                cut.append(Ref(found[0]))
        for item in self.get(cut, lambda: [name.uri()]):
            found = id_of(item)
            if found is not None and name.of(item) == value:
                yield Ref(found[0])

    def _found(
        self,
        place: Place,
        condition: Element | None,
        uris: list[Element],
        view: tuple[int, int, bool],
    ) -> Element | None:
        offset, page, descending = view

        def ask(folder: Element) -> Element:
            order = made("t:FieldOrder", field("item:DateTimeReceived"))
            order.set("Order", "Descending" if descending else "Ascending")
            body = made(
                "m:FindItem",
                shape("m:ItemShape", *uris),
                made(
                    "m:IndexedPageItemView",
                    MaxEntriesReturned=str(page),
                    Offset=str(offset),
                    BasePoint="Beginning",
                ),
                *(() if condition is None else (made("m:Restriction", condition),)),
                made("m:SortOrder", order),
                made("m:ParentFolderIds", folder),
                Traversal="Shallow",
            )
            return self._line.ask_one("FindItem", body)

        return first(self._folders.within(place, ask), "m:RootFolder")

    def _synchronised(self, place: Place, state: str, most: int) -> Element:
        def ask(folder: Element) -> Element:
            body = made(
                "m:SyncFolderItems",
                shape("m:ItemShape", *listed_uris()),
                made("m:SyncFolderId", folder),
                *((made("m:SyncState", text=state),) if state else ()),
                made("m:MaxChangesReturned", text=str(most)),
            )
            return self._line.ask_one("SyncFolderItems", body)

        # A state belongs to one folder: another one of the same name must not go on from it.
        return self._folders.within(place, ask) if not state else ask(self._folders.named(place))


CORRUPT: Final = frozenset(
    """
    ErrorMimeContentConversionFailed ErrorMimeContentInvalid ErrorCorruptData ErrorItemCorrupt
    ErrorContentConversionFailed ErrorMessageSizeExceeded ErrorDataSizeLimitExceeded
    """.split()
)
"""What is wrong with one mail for good, and says nothing about the others."""

_ITS_OWN: Final = CORRUPT | {"ErrorInternalServerError"}
"""The last may be one mail's trouble for ever, or the server's for a moment."""


def _changes(answer: Element) -> Iterator[tuple[str, Listed]]:
    """Create, Update and Delete with the mail; read flags are nobody's business here."""
    for change in _container(answer):
        kind = local_name(change)
        if kind == "Delete":
            one = listed(change)
        elif kind in {"Create", "Update"} and len(change):
            one = listed(change[0])
        else:
            one = None
        if one is not None:
            yield kind, one


def _container(answer: Element) -> list[Element]:
    return _children(answer, "m:Changes")


def _children(element: Element | None, path: str) -> list[Element]:
    found = None if element is None else first(element, path)
    return [] if found is None else list(found)


def _is_more(root: Element, offset: int) -> bool:
    """Whether a folder has more hits than ``offset``, by either of the two ways of saying so."""
    total = root.get("TotalItemsInView") or ""
    told = total.isdecimal() and total.isascii() and int(total) > offset
    return told or root.get("IncludesLastItemInRange") == "false"


def _state(answer: Element) -> str:
    return text_of(answer, "m:SyncState") or ""


def _is_last(answer: Element) -> bool:
    return (text_of(answer, "m:IncludesLastItemInRange") or "true").strip() != "false"


def begins(shown: str, wanted: Iterable[str]) -> bool:
    """Whether it is one of these, as far as a list shows it."""
    text = shown.strip()
    return any(
        text == one or (len(text) >= _LISTED_LENGTH and one.startswith(text)) for one in wanted
    )
