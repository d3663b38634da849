"""Reading Authentication-Results headers (RFC 8601 §2.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[;=]|[^\s;="]+')
_END: Final = ";"
_METHOD: Final = re.compile(r"([a-z0-9-]+)(?:/\d+)?", re.IGNORECASE)
_LONGEST: Final = 8_000
_KNOWN: Final = frozenset(
    {"pass", "fail", "none", "neutral", "policy", "softfail", "temperror", "permerror"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One ``method=result`` with its properties (``header.from`` …), all lower-case."""

    method: str
    value: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One header: who says so (``authserv_id``, lower-case) and what; unknown results left out."""

    authserv_id: str
    results: tuple[Result, ...]


def parse(value: str) -> Results | None:
    """Read one header value; None where it is not one (RFC 8601 §2.2).

    Comments may nest, values may be quoted, methods and the header may carry versions. A result
    that RFC 8601 §2.7 does not know is ignored, as §2.7.6 and §4.1 ask.
    """
    head, *clauses = _clauses(_without_comments(value[:_LONGEST]))
    if not head or len(head) > 2 or (len(head) == 2 and not head[1].isdigit()):  # noqa: PLR2004
        return None
    results = (_result(clause) for clause in clauses)
    return Results(authserv_id=head[0].lower(), results=tuple(filter(None, results)))


def _without_comments(value: str) -> str:
    """``value`` with every comment (RFC 5322 §3.2.2) a blank; quoted strings stay whole."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped or (character == "\\" and (quoted or depth)):
            escaped = not escaped
        elif character == '"' and not depth:
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            kept.append(" ")
            continue
        if not depth:
            kept.append(character)
    return "".join(kept)


def _clauses(value: str) -> list[list[str]]:
    """The tokens between the semicolons, without the quotation marks."""
    clauses: list[list[str]] = [[]]
    for token in _TOKEN.findall(value):
        if token == _END:
            clauses.append([])
        else:
            clauses[-1].append(_unquoted(token))
    return clauses


def _unquoted(token: str) -> str:
    if not token.startswith('"'):
        return token
    return re.sub(r"\\(.)", r"\1", token[1:].removesuffix('"'))


def _result(clause: list[str]) -> Result | None:
    """``method = result`` and what follows of ``name = value``; None for what is none."""
    pairs = [
        (clause[place - 1].lower(), clause[place + 1].lower())
        for place in range(1, len(clause) - 1)
        if clause[place] == "="
    ]
    if not pairs or clause[1:2] != ["="]:
        return None
    method = _METHOD.fullmatch(pairs[0][0])
    if method is None or pairs[0][1] not in _KNOWN:
        return None
    return Result(method=method[1], value=pairs[0][1], properties=dict(pairs[1:]))
