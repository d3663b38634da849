"""What comes into a folder where the cloud has no delta of messages.

By the documentation that is Microsoft's cloud in China. The state is a time shortly before that of
the newest mail that was told, by the server's clock, and which mails since then were told. What
only changed, or is moved in long after it came, is not seen this way: who answered with a mail
program is found in Sent alone.
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
"""So many mails a state names, or those of one second; of more, it looks back less far."""

_SECOND: Final = timedelta(seconds=1)
"""The server tells no smaller times."""

_START: Final = "received="
_STATE: Final = re.compile(r"received=([^;]{1,40});((?:[0-9a-f]{12},)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a state says: since when to look, and the names of those told of that time."""

    start: datetime
    names: frozenset[str]


class GraphPoll:
    """Asks for what was received since; remembers nothing. Safe for threads."""

    def __init__(self, lists: GraphList) -> None:
        self._lists = lists

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """As ``MailStore.changes``; nothing is ever ``changed``. Raises StateLost."""
        told = _read(state)
        listed = self._lists.received(place, told.start).values()
        fresh = [one for one in listed if _name(one) not in told.names]
        if not fresh:
            return Changes(new=(), changed=(), state=state, more=False)
        new = tuple(fresh[: max(limit, 1)])
        before = (one for one in listed if _name(one) in told.names)
        return Changes(
            new=new,
            changed=(),
            state=state_after((*before, *new), told.start),
            more=len(new) < len(fresh),
        )


def state_after(told: Iterable[Listed], since: datetime) -> str:
    """The state where these were told, and nothing was asked for before ``since``."""
    timed = sorted((_second(one.received), _name(one)) for one in told if one.received is not None)
    newest = timed[-1][0] if timed else since
    start = _second(max(since, newest - _OVERLAP))
    within = [one for one in timed if one[0] >= start]
    if len(within) > _MOST:
        # Of the newest second some may not have been told yet.
        start = min(within[-_MOST - 1][0] + _SECOND, newest)
    names = "".join(f"{name}," for when, name in within if when >= start)
    return f"{_START}{graph_item.told(start)};{names}"


def is_polled(state: str) -> bool:
    """Whether the state is one of these."""
    return state.startswith(_START)


def _read(state: str) -> _Told:
    found = _STATE.fullmatch(state)
    start = None if found is None else graph_item.moment({"receivedDateTime": found[1]})
    if found is None or start is None:
        raise StateLost("The state of synchronisation is of another kind of mailbox.")
    return _Told(start=start, names=frozenset(found[2].split(",")))


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _name(one: Listed) -> str:
    return hashlib.sha256(one.ref.encode()).hexdigest()[:12]
