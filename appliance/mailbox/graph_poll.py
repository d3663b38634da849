"""What comes into a folder where the cloud has no delta of messages.

By the documentation that is Microsoft's cloud in China. The state is the time of the newest mail
that was told, by the server's clock. What only changed is not seen this way: who answered with a
mail program is found in Sent alone.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from appliance.mailbox import graph_item
from appliance.mailbox.graph_list import GraphList
from appliance.mailbox.mailstore import Changes, Listed, StateLost
from appliance.mailbox.places import Place

_OVERLAP: Final = timedelta(minutes=2)
"""A mail may turn up in its folder this much later than one that was received after it."""

_STATE: Final = re.compile(r"received=([^;]{1,40});\d{1,19}")


class GraphPoll:
    """Asks for what was received since; remembers nothing of it. Safe for threads."""

    def __init__(self, lists: GraphList) -> None:
        self._lists = lists
        # Mails of one second make several states, each of which has told of more.
        self._numbers = itertools.count(1)

    def state(self, listed: Iterable[Listed], since: datetime) -> str:
        """The state after these were told, whose first moment was ``since``."""
        times = [one.received for one in listed if one.received is not None]
        return f"received={graph_item.told(max((*times, since)))};{next(self._numbers)}"

    def received(self, place: Place, state: str) -> Sequence[Listed]:
        """What came since a state and shortly before it, oldest first. Raises StateLost."""
        return tuple(self._lists.received(place, _since(state) - _OVERLAP).values())

    def changes(self, fresh: Sequence[Listed], state: str, limit: int) -> Changes:
        """As ``MailStore.changes``, of what nobody was told yet."""
        if not fresh:
            return Changes(new=(), changed=(), state=state, more=False)
        new = tuple(fresh[: max(limit, 1)])
        after = self.state(new, _since(state))
        return Changes(new=new, changed=(), state=after, more=len(new) < len(fresh))


def is_polled(state: str) -> bool:
    """Whether the state is one of these."""
    return state.startswith("received=")


def _since(state: str) -> datetime:
    found = _STATE.fullmatch(state)
    when = None if found is None else graph_item.moment({"receivedDateTime": found[1]})
    if when is None:
        raise StateLost("The state of synchronisation is of another kind of mailbox.")
    return when
