"""Finds web addresses, mail addresses, telephone numbers and codes (order, invoice, model)."""

import re
from collections.abc import Iterator
from typing import Final

from appliance.guard.claim import Claim, Kind

_MAIL: Final = re.compile(r"[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6}")
_URL: Final = re.compile(
    r"(?:https?://|www\.)[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9\-._~/?#@!$&*+=%]*)?"
    r"|(?<![\w.@-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|net|org|example|cn|de|fr|es|uk|eu|io|shop|info)"
    r"(?:\.cn|\.hk|\.tw)?(?:/[a-z0-9\-._~/?#@!$&*+=%]*)?(?![\w@-])"
)
_PHONE: Final = re.compile(
    r"(?<![a-z0-9.,:/£€$¥-])(?:\+\d{1,3}[ -]?)?(?:\(0?\d{1,5}\)[ -]?)?\d{2,12}(?:[ "
    r"/-]{1,2}\d{2,8}){0,4}"
    r"(?![a-z0-9]|[:.,]\d|\s?(?:元|%|€|£))"
)
_CODE: Final = re.compile(r"(?<![\w.@/-])[a-z0-9]+(?:[-_][a-z0-9]+)*(?![\w@/-])", re.ASCII)
_UNIT_LIKE: Final = re.compile(
    r"\d+[a-z]{1,4}|\d+(?:-\d+)*|[a-z]+(?:-[a-z]+)*|\d+-[a-z-]+|[a-z]-\d?[a-z]+"
)
_MOBILE: Final = 11
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/](?:19|20)\d\d"
)
_SEVERAL: Final = 3
_SHORTEST_PHONE: Final = 7


def contacts(text: str) -> Iterator[Claim]:
    """The contacts and codes of a folded ``text``."""
    taken: list[tuple[int, int]] = []
    for kind, pattern in (
        (Kind.MAIL, _MAIL),
        (Kind.URL, _URL),
        (Kind.PHONE, _PHONE),
        (Kind.CODE, _CODE),
    ):
        for match in pattern.finditer(text):
            value = _value(kind, match.group())
            start, end = match.start(), match.start() + len(match.group().rstrip(".,;:!?-/ "))
            if not value or any(start < right and left < end for left, right in taken):
                continue
            taken.append((start, end))
            yield Claim(kind=kind, value=(value,), span=(start, end))


def _value(kind: Kind, word: str) -> str:
    """The comparable form of ``word``, or empty where it is none of its kind."""
    if kind is Kind.URL:
        return re.sub(r"^(?:https?://)?(?:www\.)?", "", word.rstrip(".,;:!?-/"))
    if kind is Kind.MAIL:
        return word.rstrip(".-")
    return _phone(word) if kind is Kind.PHONE else _code(word)


def host(url: str) -> str:
    """The host of a normalised web address."""
    return re.split(r"[/:?#]", url, maxsplit=1)[0]


def _phone(word: str) -> str:
    """The digits without country code, or empty where it does not look like a telephone number."""
    if _DATE.fullmatch(word.strip()):
        return ""
    digits = re.sub(r"\D", "", word)
    groups = re.findall(r"\d+", word)
    if word.startswith("+"):
        digits = re.sub(r"^(?:86|44|49|33|34)0?", "0", digits)
        groups = [*groups, "+", "+"]
    looks = (
        digits[0] == "0"
        or len(groups) >= _SEVERAL
        or (len(groups) == 1 and (len(digits) >= _MOBILE or digits[:3] in {"400", "800"}))
    )
    return digits.lstrip("0") if len(digits) >= _SHORTEST_PHONE and looks else ""


def _code(word: str) -> str:
    """The letters and digits of an identifier, or empty where it is a plain word or number."""
    if _UNIT_LIKE.fullmatch(word) or not (re.search(r"\d", word) and re.search(r"[a-z]", word)):
        return ""
    return re.sub(r"[-_]", "", word)
