"""Settings as TOML text, for the one time that the program writes them: ``appliance setup``."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import tomli_w


def toml_text(tree: Mapping[str, Any]) -> str:
    """Plain values as TOML; several lines of text stay several lines."""
    return tomli_w.dumps(tree, multiline_strings=True)


def changed(settings: Any) -> dict[str, Any]:
    """What a settings object says otherwise than its defaults, as plain values."""
    plain: dict[str, Any] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        if value == item.default:
            continue
        if is_dataclass(value):
            if inner := changed(value):
                plain[item.name] = inner
        elif value is not None:
            plain[item.name] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
