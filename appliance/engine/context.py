"""The sequences of a loaded model in memory: one batch a step, sequences copied and dropped."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Any, Final, Protocol

from appliance.domain.draft import Sampling
from appliance.domain.errors import ModelUnusable
from appliance.engine.binding import Binding
from appliance.engine.sampler import Sampler

BATCH_TOKENS: Final = 512
"""Most tokens of one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one sequence adds in a step; ``choose``: the logits of its last token are wanted."""

    sequence: int
    position: int
    tokens: Sequence[int]
    choose: bool


class Outcome(Enum):
    """How a step ended; only DONE keeps what it added, the caller drops the rest."""

    DONE = "done"
    ABORTED = "aborted"
    FAILED = "failed"


class Chooser(Protocol):
    """Chooses tokens for one sequence."""

    def choose(self, row: int) -> int: ...
    def close(self) -> None: ...


class Sequences(Protocol):
    """What the slots need of a model in memory; the first sequence is 0."""

    def step(self, parts: Sequence[Part]) -> Outcome:
        """Add every part; at most ``BATCH_TOKENS`` tokens together."""
        ...

    def copy(self, source: int, target: int) -> None:
        """``target``, empty before, becomes the same as ``source``; the cells are shared."""
        ...

    def drop(self, sequence: int, start: int = 0) -> bool:
        """Forget the sequence from ``start`` on; False where only a whole one can be dropped."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def chooser(self, sampling: Sampling) -> Chooser:
        """A new chooser for one sequence."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Of a context: cells of the KV cache, sequences at the same time, threads."""

    cells: int
    sequences: int
    threads: int
    prefill_threads: int


class Context:
    """A llama.cpp context; one thread owns it, but ``abort`` may come from any.

    Args:
        binding: llama.cpp.
        model: ``llama_model *``.
        shape: what to reserve.

    Raises:
        ModelUnusable: llama.cpp refuses, mostly for want of memory.
    """

    def __init__(self, binding: Binding, model: Any, shape: Shape) -> None:
        self._api = binding.api
        self._binding = binding
        self._vocabulary_size = int(
            self._api.llama_vocab_n_tokens(self._api.llama_model_get_vocab(model))
        )
        self._stop_flag = ctypes.create_string_buffer(2)
        parameters = self._parameters(shape)
        parameters.abort_callback = binding.abort_callback
        parameters.abort_callback_data = ctypes.cast(self._stop_flag, ctypes.c_void_p)
        self._context = self._api.llama_init_from_model(model, parameters)
        if not self._context:
            raise ModelUnusable(
                f"llama.cpp cannot hold {shape.sequences - 1} slots with {shape.cells} tokens "
                "together. Lower engine.slots or engine.context."
            )
        self._memory = self._api.llama_get_memory(self._context)
        self._batch = self._api.llama_batch_init(BATCH_TOKENS, 0, 1)

    def _parameters(self, shape: Shape) -> Any:
        parameters = self._api.llama_context_default_params()
        parameters.n_ctx = shape.cells
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.n_seq_max = shape.sequences
        # One row of logits per sequence instead of one per token of the batch.
        parameters.n_outputs_max = shape.sequences
        parameters.n_threads = shape.threads
        parameters.n_threads_batch = shape.prefill_threads
        # On a CPU flash attention is slower than plain attention over f16 keys and values.
        parameters.flash_attn_type = self._api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        # One pool of cells, so that every slot shares the cells of the prefix.
        parameters.kv_unified = True
        return parameters

    def step(self, parts: Sequence[Part]) -> Outcome:
        self._fill(parts)
        status = self._api.llama_decode(self._context, self._batch)
        if status == 0:
            return Outcome.DONE
        return Outcome.ABORTED if status == self._ABORTED else Outcome.FAILED

    _ABORTED: Final = 2

    def _fill(self, parts: Sequence[Part]) -> None:
        batch = self._batch
        row = 0
        for part in parts:
            for offset, token in enumerate(part.tokens):
                batch.token[row] = token
                batch.pos[row] = part.position + offset
                batch.n_seq_id[row] = 1
                batch.seq_id[row][0] = part.sequence
                batch.logits[row] = False
                row += 1
            batch.logits[row - 1] = part.choose
        batch.n_tokens = row

    def copy(self, source: int, target: int) -> None:
        self._api.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def drop(self, sequence: int, start: int = 0) -> bool:
        return bool(self._api.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def clear(self) -> None:
        self._api.llama_memory_clear(self._memory, 0)

    def length(self, sequence: int) -> int:
        """Tokens of the sequence in memory."""
        return int(self._api.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def chooser(self, sampling: Sampling) -> Sampler:
        return Sampler(self._binding, self._context, self._vocabulary_size, sampling)

    def abort(self, *, wanted: bool) -> None:
        """Let a running step, and each later one, end at once; or take that back."""
        self._stop_flag[0] = b"\1" if wanted else b"\0"

    def prove(self, token: int) -> None:
        """Compute one token, for memory and caches to be ready, and look at the numbers.

        Raises:
            ModelUnusable: it cannot be computed, or what comes out are no numbers.
        """
        outcome = self.step((Part(sequence=0, position=0, tokens=(token,), choose=True),))
        row = self._api.llama_get_logits_ith(self._context, 0) if outcome is Outcome.DONE else []
        sound = bool(row) and all(isfinite(value) for value in row[: self._vocabulary_size])
        self.clear()
        if not sound:
            raise ModelUnusable(
                "The model computes no numbers. Its file is damaged: copy it again."
            )

    def close(self) -> None:
        """Free the memory; once."""
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self._context)
