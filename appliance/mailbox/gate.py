"""Keeps requests back for as long as a server wants none."""

import math
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from appliance.domain.errors import MailboxUnreachable
from appliance.domain.ports import Clock

LONGEST_REST: Final = 3600.0
"""Seconds; no server is left alone for longer, whatever it asks for."""


class Gate:
    """Shared by every connection of an account; safe for threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = -math.inf

    def shut(self, seconds: float) -> None:
        """Let nothing pass for ``seconds`` from now; an earlier, longer wish still holds."""
        with self._lock:
            self._until = max(self._until, self._clock.steady() + max(seconds, 0.0))

    @property
    def left(self) -> float:
        """Seconds until it opens; 0 where it is open."""
        with self._lock:
            return max(0.0, self._until - self._clock.steady())

    def enter(self) -> None:
        """Call before each request.

        Raises:
            MailboxUnreachable: the server asked for rest; nothing may be asked of it yet.
        """
        left = self.left
        if left > 0:
            raise MailboxUnreachable(
                f"The mail server is busy and asked not to be asked again for {math.ceil(left)} s."
            )


def asked_rest(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of rest that an answer asks for by ``Retry-After``; None: it does not say.

    Args:
        headers: of the answer; seconds, or until a date (RFC 9110 §10.2.3).
        now: the time here, for a date where the answer has none of its own.
    """
    wanted = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", wanted):
        return min(float(wanted), LONGEST_REST)
    until = _moment(wanted)
    if until is None:
        return None
    # By the server's own clock: ours may be wrong.
    told = _moment(headers.get("Date") or "") or now
    return min(max((until - told).total_seconds(), 0.0), LONGEST_REST)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
