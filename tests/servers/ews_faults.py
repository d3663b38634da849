"""What goes wrong at the EWS server when a test wants it to."""

import threading
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Literal

How = Literal["503", "drop", "busy", "429", "freeze", "broken", "401", "refuse", "late", "outlive"]
When = Literal["before", "after"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens at the ``nth`` next request of ``operation`` and at ``times`` of them in all.

    Attributes:
        how: 503; drop the connection; busy (HTTP 500, ErrorServerBusy with BackOffMilliseconds);
            429 with Retry-After; freeze (say nothing for ``seconds``, then drop); broken (HTTP 500
            with half an envelope); 401 as if the token was revoked; refuse (HTTP 200, each answer
            is the error ``code``); late (wait ``seconds``, then do everything as usual, whether
            the client is still there or not); outlive (wait until the client is gone and
            ``seconds`` more, then do everything as usual).
        operation: as ``SendItem``; empty: any.
        when: before the request is carried out, or after that and instead of the answer.
        seconds: of freeze and late, and what Retry-After and BackOffMilliseconds ask for.
        status: of ``429``: that or 503, with Retry-After.
    """

    how: How
    operation: str = ""
    nth: int = 1
    times: int | None = 1
    when: When = "before"
    seconds: float = 0.0
    status: int = 429
    code: str = "ErrorInternalServerError"
    met: int = 0

    def meets(self, operation: str) -> bool:
        if self.operation not in {"", operation}:
            return False
        self.met += 1
        return self.met >= self.nth and (self.times is None or self.met < self.nth + self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Faults by chance: each request meets one of ``hows`` with ``probability``."""

    random: Random
    probability: float
    hows: tuple[How, ...] = ("503", "drop", "busy", "429", "broken")
    seconds: float = 0.05

    def fault(self) -> Fault | None:
        if self.random.random() >= self.probability:
            return None
        return Fault(
            how=self.random.choice(self.hows),
            when=self.random.choice(("before", "after")),
            seconds=self.seconds * self.random.random(),
        )


class Faults:
    """The faults of a server, safe for threads."""

    def __init__(self) -> None:
        self.weather: Weather | None = None
        self.applied: Counter[How] = Counter()
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, fault: Fault) -> Fault:
        with self._lock:
            self._planned.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()
            self.weather = None

    def next(self, operation: str) -> Fault | None:
        """The fault that the request which came just now meets."""
        with self._lock:
            met = [fault for fault in self._planned if fault.meets(operation)]
            fault = met[0] if met else None
            if fault is None and self.weather is not None:
                fault = self.weather.fault()
            if fault is not None:
                self.applied[fault.how] += 1
            return fault
