"""Makes text from outside harmless: no template token, no forged fence, no invisible character."""

import re
import unicodedata
from typing import Final

_OPEN: Final = "<＜﹤‹〈⟨❮˂≺"
_CLOSE: Final = ">＞﹥›〉⟩❯˃≻"
_PIPE: Final = "|｜∣│┃ǀ❘¦"
_KNOWN: Final = (
    "s|bos|eos|pad|unk|mask|sep|cls|sys|inst|think|thinking|system|user|assistant|human|tool|tools|"
    r"model|function|tool_\w+|im_\w+|start_\w+|end_\w+|eot\w*|eom\w*|endoftext|begin_\w+|fim_\w+|"
    r"header_\w+|python_tag|channel|message|return|call|reserved_\w+|unused\d+|0x[0-9a-f]{2}"
)

# An angle bracket, anything that could name a token, an angle bracket; with pipes it is always one.
_PIPED: Final = re.compile(
    rf"[{_OPEN}]\s{{0,3}}/?\s{{0,3}}[{_PIPE}]+([^{_OPEN}{_CLOSE}{_PIPE}\n]{{0,40}})[{_PIPE}]+\s{{0,3}}[{_CLOSE}]"
)
_NAMED: Final = re.compile(
    rf"[{_OPEN}]{{1,2}}\s{{0,3}}(/?\s{{0,3}}(?:{_KNOWN}))\s{{0,3}}/?[{_CLOSE}]{{1,2}}",
    re.IGNORECASE,
)
_BRACKETED: Final = re.compile(
    r"[\[［【]\s{0,3}(/?\s{0,3}(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|"
    r"TOOL_CONTENT|CLS|SEP|MASK|PAD|UNK|BOS|EOS|gMASK|sop|eop))\s{0,3}[\]］】]",
    re.IGNORECASE,
)
_HALF: Final = re.compile(rf"[{_OPEN}]\s{{0,3}}[{_PIPE}]|[{_PIPE}]\s{{0,3}}[{_CLOSE}]")
_ROLE_LINE: Final = re.compile(
    r"^[ \t]*#{2,}[ \t]*(?=(?:system|user|human|assistant|instruction|response|input)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_RUN: Final = re.compile(r"([<＜>＞])(?:[ \t]*\1)+")
FENCE: Final = '"""'
"""Opens and closes every piece of outside text; no neutral text contains it."""
_QUOTES: Final = re.compile(r'["＂](?:\s*["＂]){2,}')
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def neutral(text: str) -> str:
    """``text`` as plain words: what could pass for a chat-template token loses its brackets.

    Covers ChatML, Llama, Mistral, Gemma, DeepSeek, GLM and Alpaca forms, full-width look-alikes and
    tokens split by blanks or invisible characters. Three and more straight quotes shrink to one, so
    no text can write the fence of ``fenced``. Ordinary text comes back unchanged.
    """
    plain = "".join(character for character in text if _visible(character))
    plain = _PIPED.sub(r"(\1)", plain)
    plain = _NAMED.sub(r"(\1)", plain)
    plain = _BRACKETED.sub(r"(\1)", plain)
    plain = _HALF.sub("|", plain)
    plain = _ROLE_LINE.sub("", plain)
    plain = _QUOTES.sub('"', _RUN.sub(r"\1", plain))
    return _BLANK_LINES.sub("\n\n", plain).strip()


def _visible(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs"}


def line(text: str) -> str:
    """``text`` neutral and on one line."""
    return " ".join(neutral(text).split())


def fenced(title: str, text: str) -> str:
    """``text`` as data between lines of three quotes, which ``neutral`` text cannot contain."""
    return f"{title}:\n{FENCE}\n{neutral(text)}\n{FENCE}"
