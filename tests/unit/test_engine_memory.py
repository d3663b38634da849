"""A model that does not fit is refused with what would fit."""

import pytest

from appliance.domain.errors import ModelUnusable
from appliance.engine.gguf import Header, Value
from appliance.engine.memory import must_fit, needed_bytes

GIB = 1024**3
QWEN: dict[str, Value] = {
    "general.architecture": "qwen3",
    "qwen3.block_count": 36,
    "qwen3.embedding_length": 2560,
    "qwen3.attention.head_count": 32,
    "qwen3.attention.head_count_kv": 8,
    "qwen3.attention.key_length": 128,
    "qwen3.attention.value_length": 128,
}
FILE = Header(size=2_500_000_000, values=QWEN)


def test_a_token_of_qwen3_4b_takes_144_kib() -> None:
    assert FILE.kv_bytes_per_token() == 144 * 1024


def test_the_width_of_a_head_follows_from_the_embedding_where_it_is_not_stated() -> None:
    values = {key: value for key, value in QWEN.items() if "_length" not in key}
    header = Header(size=1, values={**values, "qwen3.embedding_length": 4096})
    assert header.kv_bytes_per_token() == 144 * 1024


def test_layers_with_their_own_number_of_heads_are_added_up() -> None:
    header = Header(size=1, values={**QWEN, "qwen3.attention.head_count_kv": (8, 0, 4)})
    assert header.kv_bytes_per_token() == 2 * 12 * 256


def test_qwen3_4b_with_8192_tokens_fits_a_board_of_8_gib() -> None:
    must_fit(FILE, 8192, 7 * GIB)
    assert needed_bytes(FILE, 8192) < 4 * GIB


def test_too_much_context_is_answered_with_how_much_would_fit() -> None:
    with pytest.raises(ModelUnusable, match=r"from 65536 to (\d+) tokens") as refused:
        must_fit(FILE, 65536, 7 * GIB)
    advised = int(str(refused.value).split(" to ")[1].split()[0])
    must_fit(FILE, advised, 7 * GIB)


def test_weights_that_do_not_fit_need_a_smaller_file() -> None:
    with pytest.raises(ModelUnusable, match="smaller model file"):
        must_fit(FILE, 1024, 2 * GIB)
