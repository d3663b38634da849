"""Keeps requests back for as long as a server wants none."""

import math
import threading

from appliance.domain.errors import MailboxUnreachable
from appliance.domain.ports import Clock


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
