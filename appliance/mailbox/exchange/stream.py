"""Streaming notifications: they ring a bell, and nothing else is believed of them.

What happens while a stream is down is never told (and servers hold things back), so the bell rings
after every connection, too. A stream that is lost costs the caller one wait at most.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import requests
from exchangelib import Account, FolderCollection
from exchangelib.properties import StatusEvent
from exchangelib.services import GetStreamingEvents

from appliance.domain.errors import ApplianceError, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.exchange.faults import Fault
from appliance.mailbox.exchange.folders import named
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.gate import Gate

_MINUTES: Final = 29
"""Servers end a stream after 30."""

_SILENCE_SECONDS: Final = 150.0
"""Heartbeats come at least every 90 s; a line without any is dead."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_GOOD_SECONDS: Final = 60.0
_FAREWELL_SECONDS: Final = 3.0
_INBOX: Final = "inbox"
_EVENTS: Final = ("NewMailEvent", "CreatedEvent", "MovedEvent", "ModifiedEvent")


class Bell:
    """Ends a wait, the present one or the next. Safe for threads."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """End the present wait, or the next one."""
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Whether it rang, now or since the last wait."""
        rung = self._rung.wait(max(seconds, 0.0))
        if rung:
            self._rung.clear()
        return rung


class Listener:
    """A thread that listens to the inbox from ``start`` to ``stop``."""

    def __init__(self, *, line: Line, gate: Gate, clock: Clock, bell: Bell) -> None:
        self._line = line
        self._gate = gate
        self._clock = clock
        self._bell = bell
        self._lock = threading.Lock()
        self._present: _Listening | None = None
        line.wire.on_stream = self._begun

    def start(self) -> None:
        """Listen, if nobody does."""
        with self._lock:
            if self._present is not None and self._present.thread.is_alive():
                return
            self._present = _Listening(act=self._listen)
            self._present.thread.start()

    def stop(self) -> None:
        """Listen no longer; returns once the thread is gone, or can do no harm any more."""
        with self._lock:
            present, self._present = self._present, None
        # A stream that begins from now on ends at once.
        if present is not None:
            present.end()
        self._line.close()

    def _listen(self, present: "_Listening") -> None:
        pause = _FIRST_PAUSE
        subscription = ""
        while not present.over.is_set():
            begun = self._clock.steady()
            subscription = self._one_stream(present, subscription)
            if self._clock.steady() - begun >= _GOOD_SECONDS:
                pause = _FIRST_PAUSE
            present.over.wait(max(pause, self._gate.left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _one_stream(self, present: "_Listening", before: str) -> str:
        """Listen until the stream ends; the subscription that is not needed any more then.

        Each stream has a subscription of its own: a server may hold back what it has to say to the
        second stream of one.
        """
        known = before
        try:
            if known:
                self._unsubscribe(known)
            known = self._subscribed()
            self._bell.ring()
            self._line.run(lambda account: self._hear(account, known, present))
        except (ApplianceError, requests.RequestException, OSError, ValueError):
            # What is wrong with the server is told by whoever asks it something.
            present.response = None
        return known

    def _unsubscribe(self, subscription: str) -> None:
        """Servers count them; one that is forgotten already is no error."""
        with suppress(Fault):
            self._line.run(lambda account: named(account, _INBOX).unsubscribe(subscription))

    def _subscribed(self) -> str:
        def subscribe(account: Account) -> str | None:
            inbox = FolderCollection(account=account, folders=[named(account, _INBOX)])
            made: str | None = inbox.subscribe_to_streaming(event_types=_EVENTS)
            return made

        subscription = self._line.run(subscribe)
        if not subscription:
            raise MailboxUnreachable("The server gives no subscription.")
        return subscription

    def _begun(self, response: requests.Response) -> None:
        """A stream is there: it can be cut now, and is where nobody listens any more."""
        with self._lock:
            present = self._present
            if present is not None and present.thread is threading.current_thread():
                present.response = response
                return
        response.close()
        raise MailboxUnreachable("Nobody listens any more.")

    def _hear(self, account: Account, subscription: str, present: "_Listening") -> None:
        service = GetStreamingEvents(account=account)
        notifications = service.call([subscription], connection_timeout=_MINUTES)
        service.timeout = (self._line.timeout[0], _SILENCE_SECONDS)
        for notification in notifications:
            if present.over.is_set():
                return
            if any(not isinstance(one, StatusEvent) for one in notification.events):
                self._bell.ring()


class _Listening:
    """One life of the thread."""

    def __init__(self, *, act: Callable[["_Listening"], None]) -> None:
        self.over = threading.Event()
        self.response: Any = None
        self.thread = threading.Thread(
            target=act, args=(self,), name="exchange-stream", daemon=True
        )

    def end(self) -> None:
        self.over.set()
        if self.response is not None:
            # Closing it would wait for the thread that reads; this ends its reading.
            with suppress(OSError, ValueError, RuntimeError, AttributeError):
                self.response.raw.shutdown()
        self.thread.join(_FAREWELL_SECONDS)
