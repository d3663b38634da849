"""What is wrong at the moment: one sentence a part, logged when it begins and when it ends."""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime

from appliance.domain.ports import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A part that does not work, since when, and what to do; ``reason`` quotes no mail.

    ``lasting``: time alone will not end it, a person must act.
    """

    part: str
    reason: str
    since: datetime
    lasting: bool = False


class Health:
    """The troubles of the moment and the last proof that each part works."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._troubles: dict[str, Trouble] = {}
        self._proven: dict[str, datetime] = {}
        self._begun = clock.steady()
        self._heard: dict[str, float] = {}

    def broken(self, part: str, reason: str, *, lasting: bool = False) -> None:
        """Note a trouble; only a new or changed reason is logged."""
        with self._lock:
            known = self._troubles.get(part)
            told = known is not None and known.reason == reason
            since = known.since if known is not None else self._clock.now()
            self._troubles[part] = Trouble(part=part, reason=reason, since=since, lasting=lasting)
        if not told:
            log.warning("part=%s trouble=%s", part, reason)

    def proven(self, part: str) -> None:
        """Note that the part just did its work; ends its trouble."""
        with self._lock:
            self._proven[part] = self._clock.now()
            self._heard[part] = self._clock.steady()
            ended = self._troubles.pop(part, None)
        if ended is not None:
            log.info("part=%s trouble=over", part)

    def last_proven(self, part: str) -> datetime | None:
        """When the part last did its work in this run of the daemon."""
        with self._lock:
            return self._proven.get(part)

    def silent_seconds(self, part: str) -> float:
        """How long nothing was heard of the part, since the start where nothing ever was.

        By the steady clock: a board that finds its time server has lost no contact by that.
        """
        with self._lock:
            return self._clock.steady() - self._heard.get(part, self._begun)

    def trouble(self, part: str) -> Trouble | None:
        """What is wrong with the part at the moment."""
        with self._lock:
            return self._troubles.get(part)

    def troubles(self) -> tuple[Trouble, ...]:
        """Every trouble, the oldest first."""
        with self._lock:
            return tuple(sorted(self._troubles.values(), key=lambda trouble: trouble.since))
