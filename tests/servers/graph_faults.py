"""What goes wrong between a client and the Graph server, by plan or by chance."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

How = Literal["503", "504", "502", "429", "401", "500", "drop", "cut", "freeze", "broken_json"]
"""``drop``: the connection closes without an answer; ``cut``: in the middle of the answer;
``freeze``: silence for ``seconds``, then the usual answer; ``broken_json``: half a document under
the usual status, of what is no JSON as ``cut``; a number: an error of that status, 502 as a page and not as JSON."""
When = Literal["before", "after", "later"]
"""``before``: the request is not carried out (but for a freeze, which only comes first). ``after``:
it is. ``later``: the client loses the connection at once, and ``seconds`` after that it is."""
ANY: Final = "*"


@dataclass(slots=True, kw_only=True)
class Fault:
    """Meets the ``nth`` next request of ``operation`` (of ``mailbox``) and those after it.

    ``times`` of them in all (None: for ever). ``retry_after`` in seconds goes with 429 and 503.
    """

    how: How
    operation: str = ANY
    when: When = "before"
    nth: int = 1
    times: int | None = 1
    seconds: float = 0.0
    retry_after: float | None = None
    mailbox: str = ""
    met: int = 0

    def meets(self, operation: str, mailbox: str) -> bool:
        """Whether this request is one of those; counts it."""
        if self.operation not in {ANY, operation} or self.mailbox not in {"", mailbox}:
            return False
        self.met += 1
        return self.met >= self.nth and (self.times is None or self.met < self.nth + self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Faults by chance: each request meets one of ``hows`` with ``probability``."""

    random: Random
    probability: float
    hows: Sequence[How] = ("503", "504", "502", "429", "drop", "cut", "broken_json")
    whens: Sequence[When] = ("before", "after")
    seconds: float = 0.02
    retry_after: float | None = None

    def fault(self) -> Fault | None:
        """The fault of this request, if any."""
        if self.random.random() >= self.probability:
            return None
        how, when = self.random.choice(self.hows), self.random.choice(self.whens)
        return Fault(how=how, when=when, seconds=self.seconds, retry_after=self.retry_after)


class Faults:
    """Plans and weather of a server; safe to change while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._weather: Weather | None = None
        self.struck: Counter[tuple[str, How, When]] = Counter()
        self.thaw = threading.Event()

    def plan(self, operation: str, how: How, **more: object) -> Fault:
        """The ``nth`` (else the next) request of an operation, or of ``*``; as in ``Fault``."""
        fault = Fault(operation=operation, how=how, **more)  # type: ignore[arg-type]
        with self._lock:
            self._planned.append(fault)
        return fault

    def weather(self, random: Random, probability: float, **more: object) -> None:
        """Faults by chance from now on, beside what is planned; as in ``Weather``."""
        with self._lock:
            self._weather = Weather(random=random, probability=probability, **more)  # type: ignore[arg-type]

    def clear(self) -> None:
        """Fair weather and no plans; whatever is frozen goes on."""
        with self._lock:
            self._planned.clear()
            self._weather = None
        self.clear_freezes()

    def clear_freezes(self) -> None:
        """Whatever is frozen or comes later goes on now."""
        self.thaw.set()
        self.thaw = threading.Event()

    def draw(self, operation: str, mailbox: str) -> Fault | None:
        """What this request meets."""
        with self._lock:
            met = [fault for fault in self._planned if fault.meets(operation, mailbox)]
            fault = next(iter(met), None)
            if fault is None and self._weather is not None:
                fault = self._weather.fault()
            if fault is not None:
                self.struck[operation, fault.how, fault.when] += 1
            return fault
