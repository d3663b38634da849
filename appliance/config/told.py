"""A setting and the sentence that says what it is for, in both languages."""

from dataclasses import field
from typing import Any


def told(en: str, zh: str, *, limits: tuple[float, float] | None = None, **default: Any) -> Any:
    """A dataclass field with its sentence; ``default=`` or ``default_factory=`` as in ``field``.

    Args:
        en: what it is for, in English.
        zh: the same in Simplified Chinese.
        limits: least and greatest allowed number.
        default: passed on to ``field``.
    """
    return field(metadata={"en": en, "zh": zh, "limits": limits}, **default)
