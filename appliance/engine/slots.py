"""Mails written at the same time: each step adds to every slot, prompts in large pieces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from appliance.domain.draft import Completion, FinishReason
from appliance.domain.errors import GenerationFailed
from appliance.domain.mail import Tokens
from appliance.domain.ports import Clock
from appliance.engine.context import BATCH_TOKENS, Chooser, Outcome, Part, Sequences
from appliance.engine.requests import Request
from appliance.engine.stream import TextStream
from appliance.engine.template import Tokenized


class Writer(Protocol):
    """What a chosen token means."""

    def bytes_of(self, token: int) -> bytes: ...
    def ends(self, token: int) -> bool: ...


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """One running request.

    Attributes:
        sequence: its number in the KV cache.
        tokens: prompt and what was written.
        stable: leading tokens that the next mail of the office has as well.
        cached: leading tokens that did not have to be read.
        position: how many of ``tokens`` are in the KV cache.
        written: how many of ``tokens`` were chosen by the engine.
        started, first: steady seconds of admission and of the first choice.
    """

    sequence: int
    request: Request
    tokens: list[int]
    stable: int
    chooser: Chooser
    stream: TextStream
    started: float
    cached: int = 0
    position: int = 0
    written: int = 0
    first: float | None = None

    @property
    def reads_prefix(self) -> bool:
        """It still reads what other slots could share afterwards."""
        return self.position < self.stable

    def part(self, room: int) -> Part:
        """What to add next, at most ``room`` tokens; never across the end of the stable part."""
        end = min(self.position + room, len(self.tokens))
        if self.reads_prefix:
            end = min(end, self.stable)
        return Part(
            sequence=self.sequence,
            position=self.position,
            tokens=self.tokens[self.position : end],
            choose=end == len(self.tokens),
        )

    def completion(self, finish: FinishReason, now: float) -> Completion:
        """What came out, with its figures."""
        first = now if self.first is None else self.first
        return Completion(
            text=self.stream.finish(),
            finish=finish,
            prompt_tokens=Tokens(len(self.tokens) - self.written),
            cached_tokens=Tokens(self.cached),
            tokens=Tokens(self.written),
            prefill_seconds=first - self.started,
            decode_seconds=now - first,
        )


@dataclass(slots=True, kw_only=True)
class Slots:
    """All slots over one set of sequences; sequence 0 keeps the prefix that was read last.

    Args:
        sequences: the model in memory, with ``count`` + 1 sequences.
        writer: the vocabulary.
        clock: for the figures.
        count: number of slots.
    """

    sequences: Sequences
    writer: Writer
    clock: Clock
    count: int
    _running: list[Slot] = field(default_factory=list)
    _prefix: tuple[int, ...] = ()

    @property
    def busy(self) -> bool:
        """At least one request runs."""
        return bool(self._running)

    @property
    def open(self) -> bool:
        """Another request may be admitted.

        Not while a prefix is being read: the next request most likely wants to share it.
        """
        return len(self._running) < self.count and not any(
            slot.reads_prefix for slot in self._running
        )

    def admit(self, request: Request, prompt: Tokenized) -> None:
        """Give the request a free slot; a prefix in memory is shared, not read."""
        taken = {slot.sequence for slot in self._running}
        sequence = next(number for number in range(1, self.count + 1) if number not in taken)
        sampling = request.prompt.sampling
        slot = Slot(
            sequence=sequence,
            request=request,
            tokens=list(prompt.tokens),
            stable=prompt.stable,
            chooser=self.sequences.chooser(sampling),
            stream=TextStream(sampling.stop, request.watch),
            started=self.clock.steady(),
        )
        if self._prefix and prompt.tokens[: prompt.stable] == self._prefix:
            self.sequences.copy(0, sequence)
            slot.cached = slot.position = prompt.stable
        self._running.append(slot)

    def step(self) -> None:
        """Free the slots of cancelled requests, then add to every slot once."""
        for slot in tuple(self._running):
            if slot.request.future.done():
                self._free(slot)
        plan = self._plan()
        if not plan:
            return
        outcome = self.sequences.step([part for _, part in plan])
        if outcome is Outcome.DONE:
            self._advance(plan)
        elif outcome is Outcome.ABORTED:
            self._take_back(plan)
        else:
            self.end(GenerationFailed("llama.cpp could not compute a step."))

    def end(self, error: Exception) -> None:
        """Fail whatever runs and forget everything in memory, the prefix too."""
        for slot in tuple(self._running):
            self._free(slot)
            slot.request.fail(error)
        self.sequences.clear()
        self._prefix = ()

    def _plan(self) -> Sequence[tuple[Slot, Part]]:
        """Slots that write come first: one token each; what room is left goes to prompts."""
        plan: list[tuple[Slot, Part]] = []
        room = BATCH_TOKENS
        for slot in sorted(self._running, key=lambda slot: slot.written == 0):
            part = slot.part(room)
            if part.tokens:
                plan.append((slot, part))
                room -= len(part.tokens)
        return plan

    def _advance(self, plan: Sequence[tuple[Slot, Part]]) -> None:
        row = -1
        for slot, part in plan:
            row += len(part.tokens)
            was_reading_prefix = slot.reads_prefix
            slot.position += len(part.tokens)
            if was_reading_prefix and not slot.reads_prefix:
                self._keep_prefix(slot)
            if part.choose:
                self._choose(slot, row)

    def _keep_prefix(self, slot: Slot) -> None:
        self.sequences.drop(0)
        self.sequences.copy(slot.sequence, 0)
        self._prefix = tuple(slot.tokens[: slot.stable])

    def _take_back(self, plan: Sequence[tuple[Slot, Part]]) -> None:
        """After an abort some of the step may be in memory: every slot goes back to before it."""
        for slot, part in plan:
            if not self.sequences.drop(part.sequence, part.position):
                self.sequences.drop(part.sequence)
                slot.position = slot.cached = 0

    def _choose(self, slot: Slot, row: int) -> None:
        try:
            finish = self._write(slot, slot.chooser.choose(row))
        except Exception as error:  # noqa: BLE001 a thread has no caller: the future takes what watch raises
            self._free(slot)
            slot.request.fail(error)
            return
        if finish is not None:
            self._free(slot)
            slot.request.complete(slot.completion(finish, self.clock.steady()))

    def _write(self, slot: Slot, token: int) -> FinishReason | None:
        if slot.first is None:
            slot.first = self.clock.steady()
        if self.writer.ends(token):
            return "stop"
        slot.tokens.append(token)
        slot.written += 1
        if slot.stream.feed(self.writer.bytes_of(token)):
            return "stop"
        return "length" if slot.written >= slot.request.prompt.sampling.max_tokens else None

    def _free(self, slot: Slot) -> None:
        self._running.remove(slot)
        self.sequences.drop(slot.sequence)
        slot.chooser.close()
