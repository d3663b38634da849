"""A thread put together from what a mailbox found of it; the same for every kind of mailbox."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from appliance.domain.mail import Message, MessageId, Thread

LONGEST: Final = 40
"""So many earlier mails of a thread are kept, the newest of them."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def related(found: Message, ancestors: frozenset[MessageId]) -> bool:
    """Whether a mail is one of the ancestors or refers to one; a server's search finds others."""
    return found.id in ancestors or not ancestors.isdisjoint({*found.references, found.in_reply_to})


def assembled(
    message: Message, ancestors: frozenset[MessageId], found: Iterable[tuple[Message, bool]]
) -> Thread:
    """The thread up to ``message``.

    Mails that came later and are no ancestors are left out: the last one is the one to answer.

    Args:
        message: the mail to answer.
        ancestors: the ids it refers to.
        found: mails of the thread, each with whether this mailbox itself sent it.
    """
    last = message.date or _LONG_AGO
    earlier: dict[MessageId, tuple[datetime, Message, bool]] = {}
    for one, ours in found:
        date = one.date or _LONG_AGO
        if one.id != message.id and (one.id in ancestors or date <= last):
            earlier[one.id] = (date, one, ours)
    kept = sorted(earlier.values(), key=lambda entry: entry[0])[-LONGEST:]
    return Thread(
        messages=(*(one for _, one, _ in kept), message),
        ours=frozenset(one.id for _, one, ours in kept if ours),
    )
