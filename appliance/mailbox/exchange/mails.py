"""Mails of an account: read, found again wherever they lie, and moved."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from appliance.config.accounts import ExchangeSettings
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import MessageId
from appliance.mailbox.exchange.elements import (
    Element,
    either,
    equal,
    first,
    id_of,
    item_ids,
    made,
)
from appliance.mailbox.exchange.faults import FolderGone, Gone
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.items import (
    MESSAGE_ID,
    Head,
    damaged,
    groups,
    head,
    head_uris,
    mime,
    raw,
)
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.search import CORRUPT, Search, begins
from appliance.mailbox.mailstore import Listed, Mail, Ref, Spot
from appliance.mailbox.places import Place

_MEGABYTE: Final = 1024 * 1024
_AT_ONCE: Final = 4 * _MEGABYTE
_GOT_AT_ONCE: Final = 100
_REMEMBERED: Final = 5000
_CANDIDATES: Final = 50

_SEARCHED: Final = (Place.INBOX, Place.HELD, Place.HANDLED, Place.SKIPPED)


class Memory:
    """Which id a mail was seen with last, by its key. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refs: OrderedDict[str, Ref] = OrderedDict()

    def keep(self, key: str, ref: Ref) -> None:
        """This is the id of a mail now."""
        with self._lock:
            self._refs[key] = ref
            self._refs.move_to_end(key)
            while len(self._refs) > _REMEMBERED:
                self._refs.popitem(last=False)

    def moved(self, old: Ref, new: Ref) -> None:
        """A mail has another id now."""
        with self._lock:
            for key in [key for key, ref in self._refs.items() if ref == old]:
                self._refs[key] = new

    def forget(self, key: str) -> None:
        """The mail is not where it was."""
        with self._lock:
            self._refs.pop(key, None)

    def get(self, key: str) -> Ref | None:
        """The id it was seen with last."""
        with self._lock:
            return self._refs.get(key)


class Mails:
    """What ``MailStore`` says of mails that came or were sent. Safe for threads."""

    def __init__(
        self, *, settings: ExchangeSettings, line: Line, folders: Folders, search: Search
    ) -> None:
        self._largest = settings.largest_mb * _MEGABYTE
        self._line = line
        self._folders = folders
        self._search = search
        self._memory = Memory()

    def read(self, wanted: Sequence[Listed]) -> list[Mail]:
        """As ``MailStore.read``."""
        found: dict[Ref, Mail] = {}
        small = [one for one in wanted if one.size <= self._largest]
        for group in groups(small, _AT_ONCE, _GOT_AT_ONCE):
            found.update(self._read(group))
        large = [one.ref for one in wanted if one.size > self._largest]
        found.update((ref, _unread(one)) for ref, one in self._known(large))
        return [found[one.ref] for one in wanted if one.ref in found]

    def keys(self, wanted: Sequence[Listed]) -> Mapping[Ref, str]:
        """As ``MailStore.keys``."""
        return {ref: one.key for ref, one in self._known([one.ref for one in wanted])}

    def locate(self, key: str, message_id: MessageId | None) -> Spot | None:
        """As ``MailStore.locate``."""
        ref = self._memory.get(key)
        if ref is not None:
            for one in self.heads([ref]):
                place = self._folders.place_of(one.folder)
                if one.key == key and place is not None and place in _SEARCHED:
                    return Spot(ref=one.ref, place=place)
            self._memory.forget(key)
        for place in _SEARCHED:
            refs = [Ref(found[0]) for found in map(id_of, self._named(place, message_id)) if found]
            for one in self.heads(refs):
                if one.key == key:
                    return Spot(ref=one.ref, place=place)
        return None

    def move(self, spot: Spot, to: Place) -> None:
        """As ``MailStore.move``."""

        def act(folder: Element) -> Element:
            body = made("m:MoveItem", made("m:ToFolderId", folder), item_ids([spot.ref]))
            return self._line.ask_one("MoveItem", body)

        try:
            answer = self._folders.within(to, act)
        except FolderGone:
            raise
        except Gone:
            return
        items = first(answer, "m:Items")
        found = None if items is None or not len(items) else id_of(items[0])
        if found is not None:
            self._memory.moved(spot.ref, Ref(found[0]))

    def _read(self, group: Sequence[Listed]) -> Iterator[tuple[Ref, Mail]]:
        """Mails of a group; where a server cannot write one down as MIME, its head alone."""
        refs = [one.ref for one in group]
        odd: list[Ref] = []
        for ref, (item, error) in zip(refs, self._whole(refs), strict=False):
            if item is not None:
                yield from self._mail(ref, item)
            elif not isinstance(error, Gone | None):
                odd.append(ref)
        for ref in odd:
            # By itself: what was too much for the server in company may not be.
            for item, error in self._whole([ref]):
                if item is not None:
                    yield from self._mail(ref, item)
                elif not isinstance(error, Gone | None):
                    yield from ((ref, _unread(one)) for ref, one in self._known([ref]))

    def _whole(self, refs: Sequence[Ref]) -> list[tuple[Element | None, ApplianceError | None]]:
        return self._search.got(refs, lambda: head_uris(mime=True))

    def _known(self, refs: Sequence[Ref]) -> Iterator[tuple[Ref, Head]]:
        """The head of each mail that is there; of one that is damaged, what can be said of it.

        Raises:
            MailboxUnreachable: the server knows a mail and cannot tell of it at the moment.
        """
        for at in range(0, len(refs), _GOT_AT_ONCE):
            some = refs[at : at + _GOT_AT_ONCE]
            answers = self._search.got(some, lambda: head_uris(mime=False))
            for ref, (item, error) in zip(some, answers, strict=False):
                one = None if item is None else head(item)
                if one is not None:
                    self._memory.keep(one.key, one.ref)
                    yield ref, one
                elif getattr(error, "code", "") in CORRUPT:
                    yield ref, damaged(ref)
                elif error is not None and not isinstance(error, Gone):
                    raise error

    def _mail(self, ref: Ref, item: Element) -> Iterator[tuple[Ref, Mail]]:
        one, content = head(item), mime(item)
        if one is None:
            return
        self._memory.keep(one.key, one.ref)
        if content is None or len(content) > self._largest:
            yield ref, _unread(one)
        else:
            yield (
                ref,
                Mail(ref=one.ref, key=one.key, raw=raw(one.headers, content), reply=one.reply),
            )

    def heads(self, refs: Sequence[Ref]) -> Iterator[Head]:
        """The heads of those that can be told of."""
        for item in self._search.get(refs, lambda: head_uris(mime=False)):
            one = head(item)
            if one is not None:
                self._memory.keep(one.key, one.ref)
                yield one

    def _named(self, place: Place, message_id: MessageId | None) -> Iterator[Element]:
        """Items of a folder that may have this Message-ID, or none at all."""
        if message_id is None:
            missing = made("t:Not", made("t:Exists", MESSAGE_ID.uri()))
            yield from self._search.find(place, missing, _name_uris, _CANDIDATES)
            return
        forms = (f"<{message_id}>", message_id)
        condition = either(equal(MESSAGE_ID.uri(), form) for form in forms)
        for item in self._search.find(place, condition, _name_uris, _CANDIDATES):
            if begins(MESSAGE_ID.of(item) or "", forms):
                yield item


def _unread(one: Head) -> Mail:
    return Mail(ref=one.ref, key=one.key, raw=None, reply=one.reply)


def _name_uris() -> list[Element]:
    return [MESSAGE_ID.uri()]
