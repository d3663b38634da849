"""Mails of an account: read, found again wherever they lie, moved and marked."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from appliance.config.accounts import ExchangeSettings
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import Message, MessageId
from appliance.mailbox.exchange.elements import (
    Element,
    either,
    equal,
    every,
    field,
    first,
    id_of,
    item_id,
    item_ids,
    local_name,
    made,
    text_of,
)
from appliance.mailbox.exchange.faults import Fault, FolderGone, Gone, Stale
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.items import (
    ICON,
    LAST_VERB,
    MESSAGE_ID,
    REPLIED,
    REPLIED_ICON,
    TAGS,
    Head,
    damaged,
    groups,
    head,
    head_uris,
    listed,
    listed_uris,
    mime,
    raw,
)
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.search import CORRUPT, Search
from appliance.mailbox.mailstore import Listed, Mail, Marks, Ref, Spot, Tag
from appliance.mailbox.places import Place

ANSWERED: Final = "Mail appliance: answered"
ANSWERED_BY_ITSELF: Final = "Mail appliance: answered automatically"
"""Categories: what a person sees beside a mail."""

_MEGABYTE: Final = 1024 * 1024
_AT_ONCE: Final = 4 * _MEGABYTE
_GOT_AT_ONCE: Final = 100
_REMEMBERED: Final = 5000
_CANDIDATES: Final = 50
_ASKED: Final = 6
_LISTED_LENGTH: Final = 255
"""Of a longer text a list of mails shows the beginning."""

_SEARCHED: Final = (Place.INBOX, Place.HELD, Place.HANDLED, Place.SKIPPED)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_THREADS: Final = (Place.INBOX, Place.HANDLED, Place.HELD, Place.SKIPPED, Place.SENT)


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
            for one in self._heads([ref]):
                place = self._folders.place_of(one.folder)
                if one.key == key and place is not None and place in _SEARCHED:
                    return Spot(ref=one.ref, place=place)
            self._memory.forget(key)
        for place in _SEARCHED:
            refs = [Ref(found[0]) for found in map(id_of, self._named(place, message_id)) if found]
            for one in self._heads(refs):
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

    def mark(self, ref: Ref, marks: Marks) -> None:
        """As ``MailStore.mark``; tried twice where somebody changes the mail meanwhile."""
        if not (marks.seen or marks.answered or marks.automatic):
            return
        try:
            self._mark(ref, marks, verbs=marks.answered)
        except Gone:
            return
        except Stale:
            self._marked_again(ref, marks, verbs=marks.answered)
        except Fault:
            if not marks.answered:
                raise
            # A server may keep what it calls its own properties to itself.
            self._marked_again(ref, marks, verbs=False)

    def kin(self, message: Message, limit: int) -> list[tuple[Mail, Place]]:
        """As ``MailStore.kin``."""
        chain = dict.fromkeys((*message.references, *filter(None, (message.in_reply_to,))))
        ids = tuple(chain)
        asked = tuple(dict.fromkeys((*ids[:1], *ids[-_ASKED:])))
        found: dict[Ref, tuple[Listed, Place]] = {}
        conversation = self._conversation(message)
        for place in _THREADS:
            for one in self._related(place, asked, conversation, limit):
                found[one.ref] = (one, place)
        by_age = sorted(found.values(), key=lambda pair: pair[0].received or _LONG_AGO)
        newest = by_age[-limit - 1 :]
        places = {one.ref: place for one, place in newest}
        mails = self.read([one for one, _ in newest])
        kept = [(mail, places[mail.ref]) for mail in mails if mail.key != message.uid]
        return kept[-limit:]

    def _related(
        self,
        place: Place,
        asked: Sequence[MessageId],
        conversation: str,
        limit: int,
    ) -> Iterator[Listed]:
        """Mails with one of these ids, and mails of one conversation."""
        if asked:
            condition = either(equal(MESSAGE_ID.uri(), f"<{one}>") for one in asked)
            names = frozenset(asked)
            for item in self._search.find(place, condition, _kin_uris, limit):
                one = listed(item)
                if one is not None and (MESSAGE_ID.of(item) or "").strip(" <>") in names:
                    yield one
        if conversation:
            condition = equal(field("item:ConversationId"), conversation)
            for item in self._search.find(place, condition, _kin_uris, limit):
                one, its = listed(item), id_of(item, "t:ConversationId")
                if one is not None and its is not None and its[0] == conversation:
                    yield one

    def _conversation(self, message: Message) -> str:
        """The server's id of the mail's conversation, or empty."""
        spot = self.locate(message.uid, message.id if message.id_given else None)
        heads = [] if spot is None else list(self._heads([spot.ref]))
        return heads[0].conversation if heads else ""

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

    def _heads(self, refs: Sequence[Ref]) -> Iterator[Head]:
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
            if _begins(MESSAGE_ID.of(item) or "", forms):
                yield item

    def _marked_again(self, ref: Ref, marks: Marks, *, verbs: bool) -> None:
        try:
            self._mark(ref, marks, verbs=verbs)
        except Gone:
            return

    def _mark(self, ref: Ref, marks: Marks, *, verbs: bool) -> None:
        item = next(self._search.get([ref], _mark_uris), None)
        found = None if item is None else id_of(item)
        if item is None or found is None:
            raise Gone("ErrorItemNotFound")
        updates = list(_updates(item, marks, verbs=verbs))
        if not updates:
            return
        change = made("t:ItemChange", item_id(*found), made("t:Updates", *updates))
        body = made(
            "m:UpdateItem",
            made("m:ItemChanges", change),
            ConflictResolution="AutoResolve",
            MessageDisposition="SaveOnly",
            SuppressReadReceipts="true",
        )
        self._line.ask_one("UpdateItem", body)


def tagged(search: Search, place: Place, tag: Tag, value: str) -> Iterator[Ref]:
    """The mails of a folder that carry a property with a value; each hit is looked at."""
    name = TAGS[tag]
    cut: list[Ref] = []
    for item in search.find(place, equal(name.uri(), value), lambda: [name.uri()]):
        found, its = id_of(item), name.of(item)
        if found is None or not its:
            continue
        if its == value:
            yield Ref(found[0])
        elif _begins(its, (value,)):
            cut.append(Ref(found[0]))
    for item in search.get(cut, lambda: [name.uri()]):
        found = id_of(item)
        if found is not None and name.of(item) == value:
            yield Ref(found[0])


def _unread(one: Head) -> Mail:
    return Mail(ref=one.ref, key=one.key, raw=None, reply=one.reply)


def _begins(shown: str, wanted: Iterable[str]) -> bool:
    """Whether it is one of these, as far as a list shows it."""
    text = shown.strip()
    return any(
        text == one or (len(text) >= _LISTED_LENGTH and one.startswith(text)) for one in wanted
    )


def _name_uris() -> list[Element]:
    return [MESSAGE_ID.uri()]


def _kin_uris() -> list[Element]:
    return [*listed_uris(), field("item:ConversationId"), MESSAGE_ID.uri()]


def _mark_uris() -> list[Element]:
    return [field("item:Categories"), field("message:IsRead"), LAST_VERB.uri()]


def _updates(item: Element, marks: Marks, *, verbs: bool) -> Iterator[Element]:
    """What is missing of the marks; nothing that is there is taken away."""
    kind = f"t:{local_name(item)}"
    if marks.seen and text_of(item, "t:IsRead") != "true":
        yield _set(kind, field("message:IsRead"), made("t:IsRead", text="true"))
    there = [one.text or "" for one in every(item, "t:Categories/t:String")]
    wanted = [
        name
        for name, on in ((ANSWERED, marks.answered), (ANSWERED_BY_ITSELF, marks.automatic))
        if on and name not in there
    ]
    if wanted:
        strings = (made("t:String", text=name) for name in (*there, *wanted))
        yield _set(kind, field("item:Categories"), made("t:Categories", *strings))
    if verbs and LAST_VERB.of(item) != str(REPLIED):
        yield _set(kind, LAST_VERB.uri(), LAST_VERB.with_value(str(REPLIED)))
        yield _set(kind, ICON.uri(), ICON.with_value(str(REPLIED_ICON)))


def _set(kind: str, uri: Element, value: Element) -> Element:
    return made("t:SetItemField", uri, made(kind, value))
