"""Mails of one thread, by their references and by what the server calls a conversation."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from appliance.domain.mail import Message, MessageId
from appliance.mailbox.exchange.elements import (
    Element,
    containing,
    either,
    equal,
    field,
    id_of,
)
from appliance.mailbox.exchange.faults import Busy, Fault
from appliance.mailbox.exchange.items import MESSAGE_ID, REFERENCES, listed, listed_uris
from appliance.mailbox.exchange.mails import Mails
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.mailstore import Listed, Mail, Ref
from appliance.mailbox.places import Place

_ASKED: Final = 6
_MOST: Final = 200
"""Hits in a folder that are looked at: not every server sorts them as it is asked to."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_PLACES: Final = (Place.INBOX, Place.HANDLED, Place.HELD, Place.SKIPPED, Place.SENT)


class Threads:
    """Finds what belongs to a mail. Safe for threads."""

    def __init__(self, search: Search, mails: Mails) -> None:
        self._search = search
        self._mails = mails
        self._conversations = True

    def kin(self, message: Message, limit: int) -> list[tuple[Mail, Place]]:
        """As ``MailStore.kin``."""
        chain = dict.fromkeys((*message.references, *filter(None, (message.in_reply_to,))))
        ids = tuple(chain)
        asked = tuple(dict.fromkeys((*ids[:1], *ids[-_ASKED:])))
        found: dict[Ref, tuple[Listed, Place]] = {}
        conversation = self._conversation(message)
        for place in _PLACES:
            for one in self._related(place, asked, conversation):
                found[one.ref] = (one, place)
        by_age = sorted(found.values(), key=lambda pair: pair[0].received or _LONG_AGO)
        newest = by_age[-limit - 1 :]
        places = {one.ref: place for one, place in newest}
        mails = self._mails.read([one for one, _ in newest])
        kept = [(mail, places[mail.ref]) for mail in mails if mail.key != message.uid]
        return kept[-limit:]

    def _related(
        self, place: Place, asked: Sequence[MessageId], conversation: str
    ) -> Iterator[Listed]:
        """Mails with one of these ids, and mails of one conversation."""
        if asked:
            condition = either(equal(MESSAGE_ID.uri(), f"<{one}>") for one in asked)
            names = frozenset(asked)
            for item in self._found(place, condition):
                one = listed(item)
                if one is not None and (MESSAGE_ID.of(item) or "").strip(" <>") in names:
                    yield one
        conversing = None
        if conversation and self._conversations:
            conversing = self._conversing(place, conversation)
            # Some servers say that this property cannot be searched for.
            self._conversations = conversing is not None
        if conversing is None and asked:
            conversing = self._referring(place, asked[0])
        yield from conversing or ()

    def _conversing(self, place: Place, conversation: str) -> list[Listed] | None:
        """Mails of one conversation; None where the server does not search for such."""

        def holds(item: Element) -> bool:
            its = id_of(item, "t:ConversationId")
            return its is not None and its[0] == conversation

        return self._hits(place, equal(field("item:ConversationId"), conversation), holds)

    def _referring(self, place: Place, root: MessageId) -> list[Listed] | None:
        """Mails that refer to the first of a thread; None as above."""
        name = f"<{root}>"

        def holds(item: Element) -> bool:
            return name in (REFERENCES.of(item) or "")

        return self._hits(place, containing(REFERENCES.uri(), name), holds)

    def _hits(
        self, place: Place, condition: Element, holds: Callable[[Element], bool]
    ) -> list[Listed] | None:
        try:
            items = [one for one in self._found(place, condition) if holds(one)]
        except Busy:
            raise
        except Fault:
            return None
        return [one for one in map(listed, items) if one is not None]

    def _found(self, place: Place, condition: Element) -> Iterator[Element]:
        return self._search.find(place, condition, _kin_uris, _MOST)

    def _conversation(self, message: Message) -> str:
        """The server's id of the mail's conversation, or empty."""
        spot = self._mails.locate(message.uid, message.id if message.id_given else None)
        heads = [] if spot is None else list(self._mails.heads([spot.ref]))
        return heads[0].conversation if heads else ""


def _kin_uris() -> list[Element]:
    return [*listed_uris(), field("item:ConversationId"), MESSAGE_ID.uri(), REFERENCES.uri()]
