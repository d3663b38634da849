"""What waits for an engine: prompts with their futures, from callers to the engine's thread."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition

from appliance.domain.draft import Completion, Prompt
from appliance.domain.errors import ApplianceError, EnginePaused, ModelUnusable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """One prompt; the future stays pending, and so cancellable, until ``complete`` or ``fail``."""

    prompt: Prompt
    watch: Callable[[str], None] | None
    future: Future[Completion]

    def complete(self, completion: Completion) -> None:
        """Settle the future, unless it was cancelled."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(completion)

    def fail(self, error: Exception) -> None:
        """Settle the future with an error, unless it was cancelled."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class RequestQueue:
    """Requests in the order they came, for any number of threads on either side.

    ``changed`` is notified when a request comes, when one is cancelled and when the queue closes.
    """

    def __init__(self) -> None:
        self.changed = Condition()
        self._waiting: deque[Request] = deque()
        self._closed = False
        self._broken = False

    @property
    def closed(self) -> bool:
        """Nothing comes any more."""
        return self._closed

    def put(self, prompt: Prompt, watch: Callable[[str], None] | None) -> Request:
        """Queue a prompt; where the queue is closed the future fails at once (see ``close``)."""
        request = Request(prompt=prompt, watch=watch, future=Future())
        request.future.add_done_callback(self._settled)
        with self.changed:
            accepted = not self._closed
            if accepted:
                self._waiting.append(request)
                self.changed.notify_all()
        if not accepted:
            request.fail(self._refusal())
        return request

    def take(self) -> Request | None:
        """The next request that is not cancelled, or None where none waits."""
        with self.changed:
            while self._waiting:
                request = self._waiting.popleft()
                if not request.future.done():
                    return request
        return None

    def wait(self) -> bool:
        """Sleep until a request waits (True) or the queue is closed (False)."""
        with self.changed:
            self.changed.wait_for(lambda: self._waiting or self._closed)
            return not self._closed

    def close(self, *, broken: bool = False) -> None:
        """Take nothing any more.

        What waits or comes later fails with EnginePaused, or with ModelUnusable if ``broken``.
        """
        with self.changed:
            self._closed = True
            self._broken = self._broken or broken
            left = tuple(self._waiting)
            self._waiting.clear()
            self.changed.notify_all()
        for request in left:
            request.fail(self._refusal())

    def _refusal(self) -> ApplianceError:
        if self._broken:
            return ModelUnusable("The engine stopped by a fault of its own. Restart the service.")
        return EnginePaused("The engine is closed.")

    def _settled(self, future: Future[Completion]) -> None:
        if future.cancelled():
            with self.changed:
                self.changed.notify_all()
