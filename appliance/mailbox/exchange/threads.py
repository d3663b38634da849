"""Mails of one thread, by their references and by what the server calls a conversation."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from exchangelib import Q
from exchangelib.properties import ConversationId

from appliance.domain.mail import Message, MessageId
from appliance.mailbox.exchange.faults import Busy, Fault
from appliance.mailbox.exchange.items import LISTED, listed
from appliance.mailbox.exchange.mails import Mails
from appliance.mailbox.exchange.models import MESSAGE_ID, REFERENCES
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.mailstore import Mail, Ref
from appliance.mailbox.places import Place

_ASKED: Final = 6
_MOST: Final = 200
"""Hits in a folder that are looked at: not every server sorts them as it is asked to."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_PLACES: Final = (Place.INBOX, Place.HANDLED, Place.HELD, Place.SKIPPED, Place.SENT)
_FIELDS: Final = (*LISTED, "conversation_id", MESSAGE_ID, REFERENCES)


class Threads:
    """Finds what belongs to a mail. Safe for threads."""

    def __init__(self, search: Search, mails: Mails) -> None:
        self._search = search
        self._mails = mails
        self._conversations = True

    def kin(self, message: Message, limit: int) -> list[tuple[Mail, Place]]:
        """As ``MailStore.kin``."""
        ids = tuple(dict.fromkeys((*message.references, *filter(None, (message.in_reply_to,)))))
        asked = tuple(dict.fromkeys((*ids[:1], *ids[-_ASKED:])))
        conversation = self._conversation(message)
        places = {
            ref: place for place in _PLACES for ref in self._related(place, asked, conversation)
        }
        found = [
            one
            for item in self._search.get(tuple(places), _FIELDS)
            if _is_kin(item, asked, conversation) and (one := listed(item)) is not None
        ]
        newest = sorted(found, key=lambda one: one.received or _LONG_AGO)[-limit - 1 :]
        mails = self._mails.read(newest)
        kept = [(mail, places[mail.ref]) for mail in mails if mail.key != message.uid]
        return kept[-limit:]

    def _related(
        self, place: Place, asked: Sequence[MessageId], conversation: str
    ) -> Iterator[Ref]:
        """Mails with one of these ids, and mails of one conversation."""
        if asked:
            named = Q(**{f"{MESSAGE_ID}__in": [f"<{one}>" for one in asked]})
            yield from self._search.find(place, named, _MOST)
        hits = None
        if conversation and self._conversations:
            hits = self._hits(place, Q(conversation_id=ConversationId(id=conversation)))
            self._conversations = hits is not None
        if hits is None and asked:
            # Mails that refer to the first of the thread.
            hits = self._hits(place, Q(**{f"{REFERENCES}__icontains": f"<{asked[0]}>"}))
        yield from hits or ()

    def _hits(self, place: Place, condition: Q) -> list[Ref] | None:
        """None where the server says that such a property cannot be searched for."""
        try:
            return self._search.find(place, condition, _MOST)
        except Busy:
            raise
        except Fault:
            return None

    def _conversation(self, message: Message) -> str:
        """The server's id of the mail's conversation, or empty."""
        spot = self._mails.locate(message.uid, message.id if message.id_given else None)
        heads = () if spot is None else tuple(self._mails.heads([spot.ref]))
        return heads[0].conversation if heads else ""


def _is_kin(item: Any, asked: Sequence[MessageId], conversation: str) -> bool:
    """Whether the server was right to find it."""
    its = "" if item.conversation_id is None else item.conversation_id.id
    return (
        (getattr(item, MESSAGE_ID) or "").strip(" <>") in asked
        or bool(conversation and its == conversation)
        or bool(asked and f"<{asked[0]}>" in (getattr(item, REFERENCES) or ""))
    )
