"""Model files that cannot be used are refused with a sentence that says what to do."""

import shutil
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config.settings import EngineSettings
from appliance.domain.errors import ModelUnusable
from appliance.engine.context import Shape
from appliance.engine.gguf import read_header
from appliance.engine.llama import LlamaEngine, Model
from appliance.engine.memory import available_bytes
from tests.real_model import RealClock, model_file

TEMPLATE_KEY = b"tokenizer.chat_template"
LENGTH = struct.Struct("<Q")


def load(path: Path, *, free: int = 1 << 40) -> LlamaEngine:
    settings = EngineSettings(model=path, context=256, threads=1, prefill_threads=1)
    return LlamaEngine.load(settings, clock=RealClock(), available=lambda: free)


def changed(folder: Path, change: Callable[[bytearray], bytes]) -> Path:
    """A copy of the real model file after ``change``."""
    content = bytearray(model_file().read_bytes())
    path = folder / "changed.gguf"
    path.write_bytes(change(content))
    return path


def replaced(old: bytes, new: bytes) -> Callable[[bytearray], bytes]:
    assert len(old) == len(new)

    def change(content: bytearray) -> bytes:
        assert old in content
        return bytes(content.replace(old, new, 1))

    return change


def without_numbers(content: bytearray) -> bytes:
    """The gains of the last norm become no numbers (f32)."""
    nan = struct.pack("<f", float("nan"))
    last_norm = len(content) - 64 * 1024
    content[last_norm:] = nan * (64 * 1024 // 4)
    return bytes(content)


def test_the_header_of_the_real_model_is_read() -> None:
    header = read_header(model_file())
    assert header.architecture == "llama"
    assert header.number("block_count") == 30
    assert header.number("context_length") == 8192
    assert header.number("no such key", 7) == 7
    assert "<|im_start|>" in header.chat_template
    assert header.size == model_file().stat().st_size


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"There is no model file at .*gone\.gguf"):
        load(tmp_path / "gone.gguf")


def test_a_folder_is_no_model_file(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"PK\3\4 a wheel", "not a model file in GGUF format"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "GGUF version 1"),
        (b"GGUF\3\0", "cut off"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + LENGTH.pack(1 << 60), "cut off"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + LENGTH.pack(1) + b"k" + struct.pack("<I", 99),
            "damaged",
        ),
    ],
)
def test_what_is_no_whole_header_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelUnusable, match=sentence):
        load(path)


@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_a_cut_off_file_is_refused(tmp_path: Path, part: float) -> None:
    path = changed(tmp_path, lambda content: bytes(content[: int(len(content) * part)]))
    with pytest.raises(ModelUnusable, match="cut off"):
        load(path)


def test_a_model_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    name = b"general.architecture" + struct.pack("<IQ", 8, 5)
    path = changed(tmp_path, replaced(name + b"llama", name + b"lhama"))
    with pytest.raises(ModelUnusable, match="does not know the kind of model"):
        load(path)


def test_markup_that_the_vocabulary_calls_user_defined_stays_text(tmp_path: Path) -> None:
    """Qwen's ``<think>`` is such a token; here ``<file_sep>`` is made one."""
    number, control, user_defined = 5, 3, 4

    def change(content: bytearray) -> bytes:
        key = b"tokenizer.ggml.token_type"
        first = content.index(key) + len(key) + struct.calcsize("<IIQ")
        assert struct.unpack_from("<i", content, first + 4 * number) == (control,)
        struct.pack_into("<i", content, first + 4 * number, user_defined)
        return bytes(content)

    path = changed(tmp_path, change)
    shape = Shape(cells=256, sequences=2, threads=1, prefill_threads=1)
    model = Model(read_header(path), path, shape)
    vocabulary = model.vocabulary
    text = "a <file_sep> b"
    assert number in vocabulary.special(text)
    assert number not in vocabulary.plain(text)
    assert b"".join(map(vocabulary.bytes_of, vocabulary.plain(text))).decode() == text
    model.close()


def test_a_damaged_vocabulary_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, replaced(b"tokenizer.ggml.model", b"tokenizer.ggml.modem"))
    with pytest.raises(ModelUnusable, match=r"llama\.cpp cannot use"):
        load(path)


def test_a_model_without_chat_template_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, replaced(TEMPLATE_KEY, b"tokenizer.char_template"))
    with pytest.raises(ModelUnusable, match="no chat template"):
        load(path)


def test_a_model_that_computes_no_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="computes no numbers"):
        load(changed(tmp_path, without_numbers))


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded() -> None:
    with pytest.raises(ModelUnusable, match=r"needs \d+ MiB of memory and 95 MiB are free"):
        load(model_file(), free=100_000_000)


def test_a_file_nobody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.symlink_to(path)
    with pytest.raises(ModelUnusable, match="cannot be read"):
        load(path)


def test_free_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 8000000 kB\nMemAvailable:    6000000 kB\n", "ascii")
    assert available_bytes(meminfo) == 6_000_000 * 1024
    assert 0 < available_bytes() <= available_bytes(tmp_path / "none")


def test_a_model_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "模型 文件.gguf"
    shutil.copyfile(model_file(), path)
    engine = load(path)
    assert engine.name == "模型 文件"
    engine.close(timedelta(0))
