"""JSON of Graph without what is personal: keys, codes, flags and sizes stay."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from appliance.mailbox.redact import (
    Placeholders,
    header_name,
    header_value,
    redacted_property,
    redacted_url,
)

_KEY: Final = re.compile(r"[A-Za-z@$][A-Za-z0-9@._$-]{0,80}")
_COUNTS: Final = frozenset(
    """size totalItemCount unreadItemCount childFolderCount sizeInBytes status expires_in interval
    @odata.count ext_expires_in""".split()
)
_WORDS: Final[Mapping[str, str]] = {
    "code": r"[A-Za-z][A-Za-z.]{1,80}",
    "error": r"[a-z_]{1,40}",
    "contentType": r"(?i:text|html)|[a-z]{1,20}/[a-z0-9.+-]{1,60}",
    "importance": r"(?i:low|normal|high)",
    "inferenceClassification": r"focused|other",
    "flagStatus": r"notFlagged|flagged|complete",
    "@odata.type": r"#?[Mm]icrosoft\.[Gg]raph\.[A-Za-z.]{1,60}",
    "wellKnownName": r"[a-z]{1,30}",
    "method": r"GET|POST|PATCH|DELETE|PUT",
    "reason": r"changed|deleted",
    "token_type": r"Bearer",
}
_IDS: Final = frozenset(
    """id parentFolderId conversationId conversationIndex changeKey internetMessageId tenantId
    destinationId request-id client-request-id @odata.etag""".split()
)
_LINKS: Final = frozenset(
    "@odata.context @odata.nextLink @odata.deltaLink @odata.id webLink url resource".split()
)
_DEEP: Final = 40


def redacted_json(content: bytes, placeholders: Placeholders) -> str:
    """``content`` with indents; what is no JSON becomes its size."""
    try:
        tree = json.loads(content)
        plain = _value("", "", tree, placeholders, 0)
    except (ValueError, RecursionError):
        return f"no JSON, {len(content)} bytes"
    return json.dumps(plain, ensure_ascii=False, indent=1)


def _value(above: str, key: str, value: Any, placeholders: Placeholders, depth: int) -> Any:
    """A value under ``key``, which stands in an object or list that is under ``above``."""
    if depth > _DEEP:
        raise ValueError("too deep")
    match value:
        case dict():
            return _object(above, key, value, placeholders, depth)
        case list():
            return [_value(above, key, one, placeholders, depth + 1) for one in value]
        case bool() | None:
            return value
        case int() | float():
            return value if key in _COUNTS and type(value) is int else _digits(value)
        case _:
            return _text(above, key, str(value), placeholders)


def _object(
    above: str, key: str, tree: Mapping[str, Any], placeholders: Placeholders, depth: int
) -> dict[str, Any]:
    if key == "internetMessageHeaders":
        return {
            _key(name): header_name(str(value)) if name == "name" else placeholders.text(str(value))
            for name, value in tree.items()
        }
    if key == "headers":
        return {
            header_name(name): header_value(name, str(value), placeholders)
            for name, value in tree.items()
        }
    # What an object without a key of its own is under, its list tells.
    outer = key or above
    return {
        _key(name): _value(outer, name, value, placeholders, depth + 1)
        for name, value in tree.items()
    }


def _text(above: str, key: str, value: str, placeholders: Placeholders) -> str:
    if key == "id" and above == "singleValueExtendedProperties":
        return redacted_property(value, placeholders)
    if key in _WORDS and re.fullmatch(_WORDS[key], value):
        return value
    if key in _LINKS:
        return redacted_url(value, placeholders)
    if key in _IDS:
        return placeholders.identifier(value)
    return placeholders.text(value)


def _key(name: str) -> str:
    return name if _KEY.fullmatch(name) else f"key-{len(name)}-chars"


def _digits(value: float) -> str:
    return f"number-{len(str(value))}-chars"
