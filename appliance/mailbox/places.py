"""What the folders of an account are for, whatever the server calls them."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from appliance.domain.verdict import Disposition


class Place(Enum):
    """What a folder is for."""

    INBOX = auto()
    SENT = auto()
    DRAFTS = auto()
    OUTBOX = auto()
    HANDLED = auto()
    HELD = auto()
    SKIPPED = auto()
    CLAIM = auto()


READ: Final = frozenset({Place.HANDLED, Place.SKIPPED})
"""What lies there needs nobody any more, so it is shown as read."""

PLACES: Final[Mapping[Disposition, Place]] = MappingProxyType(
    {
        Disposition.PASS: Place.HANDLED,
        Disposition.REVIEW: Place.INBOX,
        Disposition.HOLD: Place.HELD,
        Disposition.STOP: Place.SKIPPED,
    }
)
"""Where a mail lies, by its disposition."""
