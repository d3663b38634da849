"""What comes into a folder where the cloud has no delta of messages.

By the documentation that is Microsoft's cloud in China. The state is the time of the newest mail
that was told, by the server's clock, and which mails of the minutes before it were told. What only
changed is not seen this way: who answered with a mail program is found in Sent alone.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.mailbox import graph_item
from appliance.mailbox.graph_list import GraphList
from appliance.mailbox.mailstore import Changes, Listed, StateLost
from appliance.mailbox.places import Place

_OVERLAP: Final = timedelta(minutes=2)
"""A mail may turn up in its folder this much later than one that was received after it."""

_MOST: Final = 500
"""So many mails a state names; of more in two minutes, some are told again."""

_START: Final = "received="
_STATE: Final = re.compile(r"received=([^;]{1,40});((?:[0-9a-f]{12},)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a state says: the newest mail's time, and the names of those told before it."""

    until: datetime
    names: frozenset[str]


class GraphPoll:
    """Asks for what was received since; remembers nothing. Safe for threads."""

    def __init__(self, lists: GraphList) -> None:
        self._lists = lists

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """As ``MailStore.changes``; nothing is ever ``changed``. Raises StateLost."""
        told = _read(state)
        listed = self._lists.received(place, told.until - _OVERLAP).values()
        fresh = [one for one in listed if _name(one) not in told.names]
        if not fresh:
            return Changes(new=(), changed=(), state=state, more=False)
        new = tuple(fresh[: max(limit, 1)])
        before = (one for one in listed if _name(one) in told.names)
        return Changes(
            new=new,
            changed=(),
            state=state_after((*before, *new), told.until),
            more=len(new) < len(fresh),
        )


def state_after(told: Iterable[Listed], since: datetime) -> str:
    """The state where these were told, and nothing was asked for before ``since``."""
    timed = sorted((one.received, _name(one)) for one in told if one.received is not None)
    until = max((since, *(when for when, _ in timed)))
    names = [name for when, name in timed if when >= until - _OVERLAP]
    return f"{_START}{graph_item.told(until)};{''.join(f'{one},' for one in names[-_MOST:])}"


def is_polled(state: str) -> bool:
    """Whether the state is one of these."""
    return state.startswith(_START)


def _read(state: str) -> _Told:
    found = _STATE.fullmatch(state)
    until = None if found is None else graph_item.moment({"receivedDateTime": found[1]})
    if found is None or until is None:
        raise StateLost("The state of synchronisation is of another kind of mailbox.")
    return _Told(until=until, names=frozenset(found[2].split(",")))


def _name(one: Listed) -> str:
    return hashlib.sha256(one.ref.encode()).hexdigest()[:12]
