"""The engine's rehearsal form: canned text at a chosen pace, for runs without a model file."""

import re
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from threading import Event, Thread
from typing import Final

from appliance.domain.draft import Completion, FinishReason, Prompt
from appliance.domain.errors import ThreadTooLong
from appliance.domain.mail import Tokens
from appliance.domain.ports import Clock
from appliance.engine.requests import Request, RequestQueue
from appliance.engine.stream import TextStream

# Four ASCII characters or one other character: close to what real vocabularies make of text.
_TOKEN: Final = re.compile(r"[\x00-\x7f]{1,4}|[^\x00-\x7f]")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")

_ENGLISH_REPLY: Final = (
    "Thank you for your message. We have received it and are looking into your question."
)
_CHINESE_REPLY: Final = "感谢您的来信。我们已经收到，正在了解您的问题。"


def canned_reply(prompt: Prompt) -> str:
    """A polite sentence that states nothing, in Chinese where the prompt's last line is Chinese."""
    last_line = prompt.body.rstrip().rpartition("\n")[2]
    return _CHINESE_REPLY if _CHINESE.search(last_line) else _ENGLISH_REPLY


class ScriptedEngine:
    """The Engine port without a model: ``reply`` decides the text, characters count as tokens.

    Limits, stop strings, streaming, cancellation and closing are those of the real engine; each
    slot is a thread of its own.

    Args:
        reply: the whole text for a prompt; what it raises, the future raises.
        clock: for the figures.
        seconds_per_reply: how long a slot works on each prompt before it writes.
        context: tokens of prompt and completion.
        slots: prompts at the same time.
    """

    name: Final = "scripted"

    def __init__(
        self,
        *,
        reply: Callable[[Prompt], str] = canned_reply,
        clock: Clock,
        seconds_per_reply: float = 0.0,
        context: int = 8192,
        slots: int = 1,
    ) -> None:
        self.context = Tokens(context)
        self.slots = slots
        self._reply = reply
        self._clock = clock
        self._seconds_per_reply = seconds_per_reply
        self._queue = RequestQueue()
        self._abandoned = Event()
        self._prefix = ""
        self._threads = tuple(
            Thread(target=self._run, name=f"engine-{number}", daemon=True)
            for number in range(slots)
        )
        for thread in self._threads:
            thread.start()

    def count(self, text: str) -> Tokens:
        return Tokens(len(_TOKEN.findall(text)))

    def submit(
        self, prompt: Prompt, watch: Callable[[str], None] | None = None
    ) -> Future[Completion]:
        return self._queue.put(prompt, watch).future

    def close(self, timeout: timedelta) -> None:
        self._queue.close()
        deadline = self._clock.steady() + timeout.total_seconds()
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.steady()))
        self._abandoned.set()
        with self._queue.changed:
            self._queue.changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while self._queue.wait():
            request = self._queue.take()
            if request is not None:
                self._answer(request)

    def _answer(self, request: Request) -> None:
        prompt = request.prompt
        read = self.count(prompt.prefix) + self.count(prompt.body)
        needed = read + prompt.sampling.max_tokens
        if needed > self.context:
            request.fail(
                ThreadTooLong(
                    f"Prompt and reply need {needed} tokens; the engine holds {self.context}."
                )
            )
            return
        began = self._clock.steady()
        if not self._worked(request):
            return
        try:
            completion = self._write(request, Tokens(read), began)
        except Exception as error:  # noqa: BLE001 a thread has no caller: the future takes what watch raises
            request.fail(error)
        else:
            request.complete(completion)

    def _worked(self, request: Request) -> bool:
        """Let the time of one reply pass; False where nobody waits for it any more."""
        with self._queue.changed:
            self._queue.changed.wait_for(
                lambda: request.future.done() or self._abandoned.is_set(), self._seconds_per_reply
            )
        if self._abandoned.is_set():
            request.future.cancel()
        return not request.future.done()

    def _write(self, request: Request, read: Tokens, began: float) -> Completion:
        sampling = request.prompt.sampling
        stream = TextStream(sampling.stop, request.watch)
        first = self._clock.steady()
        finish: FinishReason = "stop"
        written = 0
        for piece in _TOKEN.findall(self._reply(request.prompt)):
            if request.future.done():
                break
            if written == sampling.max_tokens:
                finish = "length"
                break
            written += 1
            if stream.feed(piece.encode()):
                break
        prefix, self._prefix = self._prefix, request.prompt.prefix
        return Completion(
            text=stream.finish(),
            finish=finish,
            prompt_tokens=read,
            cached_tokens=self.count(prefix) if prefix == request.prompt.prefix else Tokens(0),
            tokens=Tokens(written),
            prefill_seconds=first - began,
            decode_seconds=self._clock.steady() - first,
        )
