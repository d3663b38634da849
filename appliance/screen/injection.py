"""Rules about mails that speak to the engine instead of to the office."""

import base64
import binascii
import html
import re
from typing import Final
from urllib.parse import unquote

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.orders import commands, instructs
from appliance.screen.rule import rule
from appliance.screen.words import fold, letters

_TOKEN: Final = re.compile(
    r"<\|[^|<>\n]{1,40}\|>|<\|?/?(?:im_start|im_end|endoftext|system|assistant|think|tool_call)\|?>"
    r"|\[/?inst\]|<</?sys>>|</?(?:start|end)_of_turn>|###? ?(?:system|assistant|instruction)s? ?:"
    r"|begin_of_text|start_header_id|end_header_id|eot_id|<｜"
)

_SPEAKS: Final = 20
"""Hidden characters below which nothing can be said with them."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{24,4000}={0,2}")


@rule(
    Disposition.HOLD,
    "It carries forged markers of the engine's own chat format (house rule).",
)
def template_token(case: Case) -> bool:
    """``<|im_start|>`` and its family, seen or hidden."""
    if "template_token" in case.message.oddities:
        return True
    return any(_TOKEN.search(text) is not None for text in (case.everything, case.hidden))


@rule(
    Disposition.HOLD,
    "It tries to give the answering machine orders (house rule).",
)
def engine_addressed(case: Case) -> bool:
    """Instructions to the engine in what a person can see, subject and quotes too."""
    return instructs(case.everything)


@rule(
    Disposition.HOLD,
    "Text that a person cannot see gives orders (house rule).",
)
def hidden_orders(case: Case) -> bool:
    """Hidden text that instructs; mild wording is enough, since nobody hides a question."""
    if not case.hidden:
        return False
    return instructs(case.hidden) or commands(case.hidden)


@rule(
    Disposition.REVIEW,
    "It holds text that a person cannot see (house rule).",
)
def hidden_text(case: Case) -> bool:
    """Hidden text in what is no mass mail; in those it is the preview line."""
    return len(letters(case.hidden)) >= _SPEAKS


@rule(
    Disposition.REVIEW,
    "Its plain form says what its HTML form does not show (RFC 2046 §5.1.4).",
)
def parts_differ(case: Case) -> bool:
    """What one reader sees, another does not."""
    return "parts_differ" in case.message.oddities


@rule(
    Disposition.HOLD,
    "It carries encoded text that reads as orders to the answering machine (house rule).",
)
def encoded_orders(case: Case) -> bool:
    """Orders in base64, in percent signs or in character references."""
    text = case.asked[:60_000]
    plain = [html.unescape(text), unquote(text)] if "&" in text or "%" in text else []
    for run in _BASE64.findall(text)[:20]:
        plain.extend(_decoded(run))
    return any(instructs(fold(each)) for each in plain if each != text)


def _decoded(run: str) -> list[str]:
    try:
        raw = base64.b64decode(run[: len(run) // 4 * 4], validate=True)
        return [raw.decode("utf-8")]
    except (binascii.Error, UnicodeDecodeError):
        return []
