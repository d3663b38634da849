"""Reads the header of a model file, so that a bad one is refused before it is loaded."""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.domain.errors import ModelUnusable

Value = int | float | bool | str | tuple[int, ...]

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = range(2, 4)
_STRING: Final = 8
_ARRAY: Final = 9
_SCALARS: Final[Mapping[int, struct.Struct]] = {
    number: struct.Struct(f"<{code}")
    for number, code in {
        0: "B",
        1: "b",
        2: "H",
        3: "h",
        4: "I",
        5: "i",
        6: "f",
        7: "?",
        10: "Q",
        11: "q",
        12: "d",
    }.items()
}
_COUNT: Final = struct.Struct("<Q")
_KIND: Final = struct.Struct("<I")
_LONGEST_ARRAY_KEPT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a model file says about itself (GGUF specification, ggml-org/ggml, docs/gguf.md).

    ``values`` holds scalars, strings and short arrays of integers by their full key; ``size`` is
    that of the file in bytes.
    """

    size: int
    values: Mapping[str, Value]

    @property
    def architecture(self) -> str:
        """Name of the kind of network, such as ``qwen3``; empty where the file has none."""
        return str(self.values.get("general.architecture", ""))

    @property
    def chat_template(self) -> str:
        """The model's own chat template (Jinja), or empty."""
        return str(self.values.get("tokenizer.chat_template", ""))

    def number(self, key: str, default: int = 0) -> int:
        """A whole number of this architecture (``block_count``), or ``default``."""
        value = self.values.get(f"{self.architecture}.{key}", default)
        return value if isinstance(value, int) else default

    def kv_bytes_per_token(self) -> int:
        """Bytes of key and value in f16 that one token takes over all layers."""
        layers = self.number("block_count")
        heads = self.number("attention.head_count", 1)
        width = self.number("embedding_length") // max(1, heads)
        key = self.number("attention.key_length", width)
        value = self.number("attention.value_length", width)
        kv_heads = self.values.get(f"{self.architecture}.attention.head_count_kv", heads)
        total = sum(kv_heads) if isinstance(kv_heads, tuple) else layers * int(kv_heads)
        return 2 * total * (key + value)


def read_header(path: Path) -> Header:
    """The header of the model file at ``path``; reads no weights.

    Raises:
        ModelUnusable: missing, unreadable, not a GGUF file, of another version, or cut off.
    """
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return Header(size=len(content), values=_Reader(content, path).values())
    except FileNotFoundError as error:
        raise ModelUnusable(
            f"There is no model file at {path}. Put it there, or set engine.model to where it is."
        ) from error
    except OSError as error:
        raise ModelUnusable(
            f"The model file {path} cannot be read ({error.strerror}). Let the service read it."
        ) from error
    except ValueError as error:
        raise ModelUnusable(f"The model file {path} is empty. Copy it again.") from error
    except struct.error as error:
        raise ModelUnusable(
            f"The model file {path} is cut off or damaged. Copy it again and compare its checksum."
        ) from error


class _Reader:
    """Walks through the key-value part of a header."""

    def __init__(self, content: mmap.mmap, path: Path) -> None:
        self._content = content
        self._path = path
        self._at = 0

    def values(self) -> Mapping[str, Value]:
        if self._content[:4] != _MAGIC:
            raise ModelUnusable(
                f"{self._path} is not a model file in GGUF format. Set engine.model to one."
            )
        self._at = len(_MAGIC)
        version = self._scalar(_KIND)
        if version not in _VERSIONS:
            raise ModelUnusable(
                f"{self._path} has GGUF version {version}, which is not known here. "
                "Take a file of version 3."
            )
        self._scalar(_COUNT)
        found: dict[str, Value] = {}
        for _ in range(self._whole(_COUNT)):
            key = self._text()
            value = self._value(self._whole(_KIND))
            if value is not None:
                found[key] = value
        return found

    def _scalar(self, form: struct.Struct) -> int | float | bool:
        (value,) = form.unpack_from(self._content, self._at)
        self._at += form.size
        return value  # type: ignore[no-any-return]

    def _whole(self, form: struct.Struct) -> int:
        return int(self._scalar(form))

    def _text(self) -> str:
        length = self._whole(_COUNT)
        start, self._at = self._at, self._at + length
        if self._at > len(self._content):
            raise struct.error
        return self._content[start : self._at].decode("utf-8", errors="replace")

    def _skip_texts(self, count: int) -> None:
        # A vocabulary has some hundred thousand of them, so no call is made that can be spared.
        content, read, at = self._content, _COUNT.unpack_from, self._at
        for _ in range(count):
            at += _COUNT.size + read(content, at)[0]
        self._at = at

    def _value(self, kind: int) -> Value | None:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array()
        return self._scalar(self._form(kind))

    def _array(self) -> Value | None:
        kind = self._whole(_KIND)
        length = self._whole(_COUNT)
        if kind == _STRING:
            self._skip_texts(length)
            return None
        form = self._form(kind)
        if length <= _LONGEST_ARRAY_KEPT:
            return tuple(self._whole(form) for _ in range(length))
        self._at += form.size * length
        return None

    @staticmethod
    def _form(kind: int) -> struct.Struct:
        try:
            return _SCALARS[kind]
        except KeyError as error:
            raise struct.error from error
