"""The tokens of a loaded model: text to ids and back, and which of them are more than text."""

import ctypes
import re
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final, Protocol

from appliance.domain.errors import EnginePaused
from appliance.engine.binding import Binding

_USER_DEFINED: Final = 1 << 4
_MARKUP: Final = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")
_PIECE_BYTES: Final = 256


class Tokenizer(Protocol):
    """What a prompt needs to become tokens."""

    @property
    def start(self) -> int | None:
        """The token that every text of this model begins with, or None."""
        ...

    def special(self, text: str) -> list[int]:
        """Tokens of template text, in which ``<|im_end|>`` and its like are one token."""
        ...

    def plain(self, text: str) -> list[int]:
        """Tokens of anybody's text; never one that belongs to a chat template."""
        ...


class Vocabulary:
    """The vocabulary of one loaded model; any thread may use it until it is closed.

    Args:
        binding: llama.cpp.
        model: ``llama_model *``, which must outlive this object's use.
    """

    def __init__(self, binding: Binding, model: Any) -> None:
        self._api = binding.api
        self._vocab = self._api.llama_model_get_vocab(model)
        self._lock = Lock()
        self._closed = False
        self.size = int(self._api.llama_vocab_n_tokens(self._vocab))
        self._piece = ctypes.create_string_buffer(_PIECE_BYTES)
        start = int(self._api.llama_vocab_bos(self._vocab))
        adds_start = bool(self._api.llama_vocab_get_add_bos(self._vocab))
        self.start = start if adds_start and start >= 0 else None
        self._markup = self._markup_pattern()

    def special(self, text: str) -> list[int]:
        return self._tokens(text, parse_special=True)

    def plain(self, text: str) -> list[int]:
        # llama.cpp leaves control tokens in plain text alone, yet not the user-defined ones, such
        # as Qwen's <think>: those are taken apart behind their first character.
        pieces = self._markup.split(text) if self._markup else [text]
        return [token for piece in pieces for token in self._tokens(piece, parse_special=False)]

    def text(self, token: int) -> str:
        """The text of a special token, empty where it has none or ``token`` is no token."""
        if not 0 <= token < self.size:
            return ""
        return bytes(self._api.llama_vocab_get_text(self._vocab, token)).decode(errors="replace")

    def bytes_of(self, token: int) -> bytes:
        """What ``token`` writes; nothing for control tokens. For the engine's thread alone."""
        length = self._api.llama_token_to_piece(self._vocab, token, self._piece, _PIECE_BYTES, 0, 0)
        if length < 0:
            self._piece = ctypes.create_string_buffer(-length)
            length = self._api.llama_token_to_piece(self._vocab, token, self._piece, -length, 0, 0)
        return self._piece.raw[:length]

    def ends(self, token: int) -> bool:
        """The model has said all it wants to say."""
        return bool(self._api.llama_vocab_is_eog(self._vocab, token))

    @property
    def first(self) -> int:
        """``<s>`` of this vocabulary, used or not; empty text where it has none."""
        return int(self._api.llama_vocab_bos(self._vocab))

    @property
    def last(self) -> int:
        """``</s>`` of this vocabulary."""
        return int(self._api.llama_vocab_eos(self._vocab))

    def close(self) -> None:
        """Refuse to read from now on: the model goes away.

        ``plain`` and ``special`` raise EnginePaused afterwards.
        """
        with self._lock:
            self._closed = True

    def _tokens(self, text: str, *, parse_special: bool) -> list[int]:
        content = text.encode("utf-8", errors="replace")
        if not content:
            return []
        room = len(content) + 1
        with self._lock:
            if self._closed:
                raise EnginePaused("The engine is closed.")
            tokens = (self._api.llama_token * room)()
            count = self._api.llama_tokenize(
                self._vocab, content, len(content), tokens, room, 0, parse_special
            )
        return list(tokens[:count])

    def _markup_pattern(self) -> re.Pattern[str] | None:
        """Splits behind the first character of every user-defined token that looks like markup."""
        words = sorted(
            {
                text
                for token in range(self.size)
                if self._api.llama_vocab_get_attr(self._vocab, token) & _USER_DEFINED
                and _MARKUP.fullmatch(text := self.text(token))
            }
        )
        return split_inside(words)


def split_inside(words: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern whose ``split`` cuts behind the first character of each of ``words``."""
    if not words:
        return None
    return re.compile(
        "|".join(f"(?<={re.escape(word[0])})(?={re.escape(word[1:])})" for word in words)
    )
