"""Streaming notifications: they ring a bell, and nothing else is believed of them.

What happens while a stream is down is never told (and servers hold things back), so the bell rings
after every connection, too. A stream that is lost costs the caller one wait at most.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import requests
from exchangelib import Account
from exchangelib.errors import ErrorServerBusy, EWSError
from exchangelib.properties import StatusEvent
from exchangelib.services import GetStreamingEvents

from appliance.domain.errors import ApplianceError, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.exchange.answers import BUSY_SECONDS
from appliance.mailbox.exchange.elements import made, text_of
from appliance.mailbox.exchange.faults import Fault
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.gate import Gate
from appliance.mailbox.places import Place

_MINUTES: Final = 29
"""Servers end a stream after 30."""

_SILENCE_SECONDS: Final = 150.0
"""Heartbeats come at least every 90 s; a line without any is dead."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_GOOD_SECONDS: Final = 60.0
_FAREWELL_SECONDS: Final = 3.0
_EVENTS: Final = ("NewMailEvent", "CreatedEvent", "MovedEvent", "ModifiedEvent")


class Bell:
    """Ends a wait, the present one or the next. Safe for threads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = False

    def ring(self) -> None:
        """End the present wait, or the next one."""
        with self._condition:
            self._rung = True
            self._condition.notify_all()

    def wait(self, seconds: float) -> bool:
        """Whether it rang, now or since the last wait."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung, max(seconds, 0.0))
            rung, self._rung = self._rung, False
            return rung


class Listener:
    """A thread that listens to the inbox from ``start`` to ``stop``."""

    def __init__(
        self, *, line: Line, folders: Folders, gate: Gate, clock: Clock, bell: Bell
    ) -> None:
        self._line = line
        self._folders = folders
        self._gate = gate
        self._clock = clock
        self._bell = bell
        self._lock = threading.Lock()
        self._present: _Listening | None = None

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
            self._line.run(lambda account: self._heard(account, known, present))
        except (ApplianceError, EWSError, requests.RequestException, OSError, ValueError) as error:
            if isinstance(error, ErrorServerBusy):
                self._line.wire.shut(error.back_off or BUSY_SECONDS)
        return known

    def _unsubscribe(self, subscription: str) -> None:
        """Servers count them; one that is forgotten already is no error."""
        body = made("m:Unsubscribe", made("m:SubscriptionId", text=subscription))
        with suppress(Fault):
            self._line.ask_one("Unsubscribe", body)

    def _subscribed(self) -> str:
        types = (made("t:EventType", text=name) for name in _EVENTS)
        request = made(
            "m:StreamingSubscriptionRequest",
            made("t:FolderIds", self._folders.named(Place.INBOX)),
            made("t:EventTypes", *types),
        )
        answer = self._line.ask_one("Subscribe", made("m:Subscribe", request))
        subscription = text_of(answer, "m:SubscriptionId")
        if not subscription:
            raise MailboxUnreachable("The server gives no subscription.")
        return subscription

    def _heard(self, account: Account, subscription: str, present: "_Listening") -> None:
        service = present.service = _Stream(account=account, over=present.over)
        for notification in _notifications(service, subscription, self._line.timeout[0]):
            if present.over.is_set():
                return
            if any(not isinstance(one, StatusEvent) for one in notification.events):
                self._bell.ring()


class _Listening:
    """One life of the thread."""

    def __init__(self, *, act: Callable[["_Listening"], None]) -> None:
        self.over = threading.Event()
        self.service: _Stream | None = None
        self.thread = threading.Thread(
            target=act, args=(self,), name="exchange-stream", daemon=True
        )

    def end(self) -> None:
        self.over.set()
        response: Any = getattr(self.service, "_streaming_response", None)
        if response is not None:
            # Closing it would wait for the thread that reads; this ends its reading.
            with suppress(OSError, ValueError, RuntimeError, AttributeError):
                response.raw.shutdown()
        self.thread.join(_FAREWELL_SECONDS)


class _Stream(GetStreamingEvents):  # type: ignore[misc]
    """Not read at all where it begins after the end."""

    def __init__(self, *, account: Account, over: threading.Event) -> None:
        self._over = over
        super().__init__(account=account)

    def _get_response(self, payload: Any, api_version: str) -> requests.Response:
        response: requests.Response = super()._get_response(payload, api_version)
        if self._over.is_set():
            raise MailboxUnreachable("Nobody listens any more.")
        return response

    def _api_versions_to_try(self) -> tuple[str]:
        """As everywhere: what the server speaks, and nothing else."""
        return (self._version_hint.api_version,)


def _notifications(service: _Stream, subscription: str, connect: float) -> Iterator[Any]:
    events = service.call([subscription], connection_timeout=_MINUTES)
    service.timeout = (connect, _SILENCE_SECONDS)
    try:
        yield from events
    finally:
        if service.streaming:
            service.stop_streaming()
