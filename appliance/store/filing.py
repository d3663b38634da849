"""Where a mail lies in its mailbox, by the state of its job."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from appliance.domain.job import State
from appliance.domain.verdict import Disposition

_PLACES: Final[Mapping[State, Disposition]] = MappingProxyType(
    {
        State.SENT: Disposition.PASS,
        State.REJECTED: Disposition.PASS,
        State.HELD: Disposition.HOLD,
        State.PARKED: Disposition.HOLD,
        State.SKIPPED: Disposition.STOP,
    }
)


def filing(state: State) -> Disposition:
    """What ``Mailbox.file`` is to be told: PASS handled, HOLD held, STOP skipped, REVIEW inbox."""
    return _PLACES.get(state, Disposition.REVIEW)
