"""The engine's embedded form: llama.cpp in this process, one thread that owns it."""

import atexit
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Final, Self

from appliance.config.settings import EngineSettings
from appliance.domain.draft import Completion, Prompt
from appliance.domain.errors import EnginePaused, ThreadTooLong
from appliance.domain.mail import Tokens
from appliance.domain.ports import Clock
from appliance.engine.binding import binding
from appliance.engine.context import Context, Shape
from appliance.engine.gguf import Header, read_header
from appliance.engine.memory import available_bytes, must_fit
from appliance.engine.requests import RequestQueue
from appliance.engine.slots import Slots
from appliance.engine.template import ChatTemplate
from appliance.engine.vocabulary import Vocabulary
from appliance.engine.weights import load_weights

log: Final = logging.getLogger(__name__)


class Model:
    """A model file in memory: weights, vocabulary, chat template and context.

    Raises:
        ModelUnusable: with a sentence that says what to do.
    """

    def __init__(self, header: Header, path: Path, shape: Shape) -> None:
        llama = binding()
        with ExitStack() as memory:
            weights = load_weights(llama, path)
            memory.callback(llama.api.llama_model_free, weights)
            self.vocabulary = Vocabulary(llama, weights)
            memory.callback(self.vocabulary.close)
            self.template = ChatTemplate(
                header.chat_template,
                start=self.vocabulary.text(self.vocabulary.first),
                end=self.vocabulary.text(self.vocabulary.last),
            )
            self.context = Context(llama, weights, shape)
            memory.callback(self.context.close)
            self.context.prove(max(0, self.vocabulary.first))
            self._memory = memory.pop_all()

    def close(self) -> None:
        """Free the memory; once, by the thread that owns the context."""
        self._memory.close()


class LlamaEngine:
    """The Engine port over one model in memory; made by ``load``.

    Prompts of one office share their prefix: it is read once and stays until another is needed.
    """

    def __init__(
        self, *, name: str, model: Model, context: Tokens, slots: int, clock: Clock
    ) -> None:
        self.name = name
        self.context = context
        self.slots = slots
        self._model = model
        self._queue = RequestQueue()
        self._abandoned = Event()
        self._slots = Slots(
            sequences=model.context, writer=model.vocabulary, clock=clock, count=slots
        )
        self._thread = Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()
        # The interpreter must not go away under a running computation.
        atexit.register(self.close, timedelta(0))

    @classmethod
    def load(
        cls,
        settings: EngineSettings,
        *,
        clock: Clock,
        available: Callable[[], int] = available_bytes,
    ) -> Self:
        """Read the model file and reserve memory for every slot.

        Args:
            settings: ``context`` beyond what the model was trained for is lowered to that.
            clock: for the figures.
            available: bytes of memory that are free now.

        Raises:
            ModelUnusable: with a sentence that says what to do.
        """
        path = settings.model
        header = read_header(path)
        context = min(settings.context, header.number("context_length", settings.context))
        if context < settings.context:
            log.warning("engine context=%d, the most this model was made for", context)
        must_fit(header, context * settings.slots, available())
        shape = Shape(
            cells=context * settings.slots,
            sequences=settings.slots + 1,
            threads=settings.threads or _cores(),
            prefill_threads=settings.prefill_threads or _cores(),
        )
        began = clock.steady()
        model = Model(header, path, shape)
        log.info(
            "engine model=%s context=%d slots=%d seconds=%.1f",
            path.stem,
            context,
            settings.slots,
            clock.steady() - began,
        )
        return cls(
            name=path.stem,
            model=model,
            context=Tokens(context),
            slots=settings.slots,
            clock=clock,
        )

    def count(self, text: str) -> Tokens:
        return Tokens(len(self._model.vocabulary.plain(text)))

    def submit(
        self, prompt: Prompt, watch: Callable[[str], None] | None = None
    ) -> Future[Completion]:
        return self._queue.put(prompt, watch).future

    def close(self, timeout: timedelta) -> None:
        self._queue.close()
        self._thread.join(timeout.total_seconds())
        self._abandoned.set()
        self._model.context.abort(wanted=True)
        self._thread.join()
        atexit.unregister(self.close)

    def _run(self) -> None:
        broken = True
        try:
            while self._slots.busy or self._queue.wait():
                # First forget the last abort, then look who is cancelled: one that comes later
                # ends the step.
                self._model.context.abort(wanted=False)
                if self._abandoned.is_set():
                    break
                self._admit()
                self._slots.step()
            broken = False
        finally:
            self._queue.close(broken=broken)
            self._slots.end(EnginePaused("The engine was closed before the reply was written."))
            self._model.close()

    def _admit(self) -> None:
        while self._slots.open and (request := self._queue.take()) is not None:
            prompt = self._model.template.tokenize(request.prompt, self._model.vocabulary)
            needed = len(prompt.tokens) + request.prompt.sampling.max_tokens
            if needed > self.context:
                request.fail(
                    ThreadTooLong(
                        f"Prompt and reply need {needed} tokens; the engine holds {self.context}."
                    )
                )
                continue
            request.future.add_done_callback(self._stop_if_cancelled)
            self._slots.admit(request, prompt)

    def _stop_if_cancelled(self, future: Future[Completion]) -> None:
        if future.cancelled():
            self._model.context.abort(wanted=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
