"""``docs/config.md``: every setting in tables, made from the tree itself, in both languages."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from appliance.config.settings import Office, Settings

_HEAD: Final = """\
# Configuration · 配置

Generated from `appliance/config/settings.py` by `scripts/config_reference`; edits here are lost.
本文件由 `scripts/config_reference` 根据 `appliance/config/settings.py` 生成，请勿手工修改。

Both files are TOML (UTF-8). Unknown keys are refused with a suggestion, all mistakes are named
at once, and relative paths count from the directory of the file.
两个文件均为 TOML 格式（UTF-8）。未知的键会被拒绝并给出建议，所有错误一次列出。
相对路径以该文件所在目录为准。
"""

_FILES: Final = (
    (
        Settings,
        "appliance.toml",
        "The box: where things are, its mailboxes, the engine. The program never writes to it.",
        "本机：各种路径、邮箱与模型引擎。程序从不改写此文件。",
    ),
    (
        Office,
        "office.toml",
        "One office; lies in the office directory beside `knowledge/`.",
        "一个办公室；位于办公室目录中，与 `knowledge/` 并列。",
    ),
)

_TYPES: Final[Mapping[type, str]] = {
    bool: "true · false",
    int: "integer · 整数",
    float: "number · 数字",
    str: "text · 文本",
    Path: "path · 路径",
}


def markdown() -> str:
    """The whole of ``docs/config.md``."""
    parts = [_HEAD]
    for kind, file, en, zh in _FILES:
        parts.append(f"\n## {file}\n\n{en}\n{zh}\n")
        parts.extend(_tables(kind, ""))
    return "".join(parts)


def _tables(kind: Any, header: str) -> Iterator[str]:
    """One table for the plain settings of ``kind``, then one for each table inside it."""
    hints = get_type_hints(kind)
    rows = [_row(item, hints[item.name]) for item in fields(kind) if not _inner(hints[item.name])]
    title = f"\n### `{header}`\n" if header else ""
    yield (
        f"{title}\n| Key 键 | Type 类型 | Default 默认值 | English | 中文 |\n"
        "| --- | --- | --- | --- | --- |\n" + "".join(rows)
    )
    for item in fields(kind):
        hint = hints[item.name]
        if inner := _inner(hint):
            name = f"{header.strip('[]')}.{item.name}".lstrip(".")
            yield from _tables(inner, f"[[{name}]]" if _many(hint) else f"[{name}]")


def _row(item: Field[Any], hint: Any) -> str:
    limits = item.metadata["limits"]
    kind = _type(hint) + ("" if limits is None else ", {:g}–{:g}".format(*limits))
    cells = (f"`{item.name}`", kind, _default(item), item.metadata["en"], item.metadata["zh"])
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _inner(hint: Any) -> Any:
    """The dataclass behind a table or an array of tables; None for a plain setting."""
    inner = get_args(hint)[0] if _many(hint) else hint
    return inner if is_dataclass(inner) else None


def _many(hint: Any) -> bool:
    return get_origin(hint) is tuple


def _type(hint: Any) -> str:
    if _many(hint):
        return "list of texts · 文本列表"
    if get_origin(hint) is Literal:
        return " · ".join(f'`"{choice}"`' for choice in get_args(hint))
    if get_origin(hint) is UnionType:
        return _type(get_args(hint)[0])
    if get_origin(hint) is Mapping:
        return "table of text · 文本表"
    return _TYPES[getattr(hint, "__supertype__", hint)]


def _default(item: Field[Any]) -> str:
    if item.default_factory is not MISSING:
        return _listed(item.default_factory())
    return "required · 必填" if item.default is MISSING else _literal(item.default)


def _listed(mapping: Mapping[str, str]) -> str:
    return "<br>".join(f"`{name}`: {text}" for name, text in mapping.items()) or "`{}`"


def _literal(value: object) -> str:
    """``value`` as TOML."""
    match value:
        case None:
            return "—"
        case bool():
            return f"`{str(value).lower()}`"
        case str() | Path():
            return f'`"{value}"`'
        case tuple():
            return f"`[{', '.join(str(each) for each in value)}]`"
        case _:
            return f"`{value}`"
