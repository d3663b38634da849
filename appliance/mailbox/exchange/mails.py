"""Mails of an account: read, found again wherever they lie, and moved."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from exchangelib import Q

from appliance.config.accounts import ExchangeSettings
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import MessageId
from appliance.mailbox.exchange.faults import FolderGone, Gone
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.items import (
    HEAD,
    Head,
    damaged,
    groups,
    head,
    raw,
)
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.models import MESSAGE_ID, NamedFolder
from appliance.mailbox.exchange.search import CORRUPT, GOT_AT_ONCE, Search
from appliance.mailbox.mailstore import Listed, Mail, Ref, Spot
from appliance.mailbox.places import Place

_MEGABYTE: Final = 1024 * 1024
_AT_ONCE: Final = 4 * _MEGABYTE
_REMEMBERED: Final = 5000
_CANDIDATES: Final = 50
_WHOLE: Final = (*HEAD, "mime_content")
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
        for group in groups(small, _AT_ONCE, GOT_AT_ONCE):
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
            for one in self.heads(self._search.find(place, _named(message_id), _CANDIDATES)):
                if one.key == key:
                    return Spot(ref=one.ref, place=place)
        return None

    def move(self, spot: Spot, to: Place) -> None:
        """As ``MailStore.move``."""

        def act(folder: NamedFolder) -> Any:
            moved = folder.account.bulk_move([(spot.ref, None)], to_folder=folder)
            return self._line.checked(moved[0]) if moved else None

        try:
            found = self._folders.within(to, act)
        except FolderGone:
            raise
        except Gone:
            return
        if found:
            self._memory.moved(spot.ref, Ref(found[0]))

    def _read(self, group: Sequence[Listed]) -> Iterator[tuple[Ref, Mail]]:
        """Mails of a group; where a server cannot write one down as MIME, its head alone."""
        refs = [one.ref for one in group]
        odd: list[Ref] = []
        for ref, item in zip(refs, self._search.got(refs, _WHOLE), strict=True):
            if not isinstance(item, ApplianceError):
                yield from self._mail(ref, item)
            elif not isinstance(item, Gone):
                odd.append(ref)
        for ref in odd:
            # By itself: what was too much for the server in company may not be.
            (item,) = self._search.got([ref], _WHOLE)
            if not isinstance(item, ApplianceError):
                yield from self._mail(ref, item)
            elif not isinstance(item, Gone):
                yield from ((ref, _unread(one)) for ref, one in self._known([ref]))

    def _known(self, refs: Sequence[Ref]) -> Iterator[tuple[Ref, Head]]:
        """The head of each mail that is there; of one that is damaged, what can be said of it.

        Raises:
            MailboxUnreachable: the server knows a mail and cannot tell of it at the moment.
        """
        for at in range(0, len(refs), GOT_AT_ONCE):
            some = refs[at : at + GOT_AT_ONCE]
            for ref, item in zip(some, self._search.got(some, HEAD), strict=True):
                failed = isinstance(item, ApplianceError)
                one = None if failed else head(item)
                if one is not None:
                    self._memory.keep(one.key, one.ref)
                    yield ref, one
                elif getattr(item, "code", "") in CORRUPT:
                    yield ref, damaged(ref)
                elif failed and not isinstance(item, Gone):
                    raise item

    def _mail(self, ref: Ref, item: Any) -> Iterator[tuple[Ref, Mail]]:
        one, content = head(item), item.mime_content
        if one is None:
            return
        self._memory.keep(one.key, one.ref)
        if not content or len(content) > self._largest:
            yield ref, _unread(one)
        else:
            whole = raw(one.headers, content)
            yield ref, Mail(ref=one.ref, key=one.key, raw=whole, reply=one.reply)

    def heads(self, refs: Sequence[Ref]) -> Iterator[Head]:
        """The heads of those that can be told of."""
        for item in self._search.get(refs, HEAD):
            one = head(item)
            if one is not None:
                self._memory.keep(one.key, one.ref)
                yield one


def _unread(one: Head) -> Mail:
    return Mail(ref=one.ref, key=one.key, raw=None, reply=one.reply)


def _named(message_id: MessageId | None) -> Q:
    """Mails with this Message-ID, or without any at all."""
    if message_id is None:
        return ~Q(**{f"{MESSAGE_ID}__exists": True})
    return Q(**{f"{MESSAGE_ID}__in": [f"<{message_id}>", message_id]})
