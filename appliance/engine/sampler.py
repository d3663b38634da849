"""Chooses the next token of one sequence: a chain of llama.cpp samplers."""

from math import isfinite
from typing import Any, Final

from appliance.domain.draft import Sampling
from appliance.domain.errors import ModelUnusable
from appliance.engine.binding import Binding

_PENALTY_WINDOW: Final = 256
_SEED_BITS: Final = 0xFFFFFFFF


class Sampler:
    """One chain: repeat penalty, top-k, top-p, temperature, and a seeded choice; or greedy at 0.

    The penalty looks at what was written, never at the prompt: an order number that has to be
    repeated is no repetition.

    Args:
        binding: llama.cpp.
        context: ``llama_context *``.
        vocabulary_size: number of tokens.
        sampling: how to choose.
    """

    def __init__(
        self, binding: Binding, context: Any, vocabulary_size: int, sampling: Sampling
    ) -> None:
        api = binding.api
        self._api = api
        self._context = context
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        if sampling.repeat_penalty != 1:
            self._add(
                api.llama_sampler_init_penalties(
                    vocabulary_size, _PENALTY_WINDOW, sampling.repeat_penalty, 0.0, 0.0
                )
            )
        if sampling.temperature <= 0:
            self._add(api.llama_sampler_init_greedy())
            return
        self._add(api.llama_sampler_init_top_k(sampling.top_k))
        self._add(api.llama_sampler_init_top_p(sampling.top_p, 1))
        self._add(api.llama_sampler_init_temp(sampling.temperature))
        self._add(api.llama_sampler_init_dist(sampling.seed & _SEED_BITS))

    def choose(self, row: int) -> int:
        """A token for the batch position ``row`` of the last decode; it counts as written.

        Raises:
            ModelUnusable: the model computed something that is no number.
        """
        token = int(self._api.llama_sampler_sample(self._chain, self._context, row))
        if not isfinite(self._api.llama_get_logits_ith(self._context, row)[token]):
            raise ModelUnusable(
                "The model computes no numbers. Its file is damaged: copy it again."
            )
        return token

    def close(self) -> None:
        """Free the chain; once."""
        self._api.llama_sampler_free(self._chain)

    def _add(self, sampler: Any) -> None:
        self._api.llama_sampler_chain_add(self._chain, sampler)
