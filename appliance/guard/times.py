"""Finds times of day: 17:30, 5.30pm, half past five, halb sechs, 下午五点半."""

import re
from collections.abc import Iterator
from typing import Final

from appliance.guard.claim import Claim, Kind
from appliance.guard.numerals import chinese, numerals

_NOON: Final = 720
_DAY: Final = 1440
_DOZEN: Final = 12
_LATEST_HOUR: Final = 24

_CLOCK: Final = re.compile(
    r"(?<![\d:.,])(\d{1,2})(?::|(?<=\d)\.(?=\d\d\s?(?:am\b|pm\b|a\.m|p\.m|uhr\b"
    r"|h\b)))(\d{2})(?::\d{2})?(?![\d%])"
    r"\s{0,2}(am\b|pm\b|a\.m\.?|p\.m\.?|uhr\b|h\b)?"
)
_HOUR: Final = re.compile(
    r"(?<![\d:.,])(\d{1,2})\s{0,2}(am\b|pm\b|a\.m\.?|p\.m\.?|uhr\b|o'clock\b"
    r"|h(?=\d{2}\b)|点|时(?![间候长限内])|點)"
    r"(\d{2}\b)?"
)
_CHINESE: Final = re.compile(
    r"([\d零〇一二两三四五六七八九十]{1,3})点(?!击|评|心|儿|数|选)(?:钟)?(半|一刻|三刻"
    r"|[\d零〇一二三四五六七八九十]{1,3}(?=分))?分?"
)
_CHINESE_BEFORE: Final = re.compile(
    r"(凌晨|清晨|早上|早晨|上午|中午|下午|午后|傍晚|晚上|晚间|今晚|夜里|夜间|晚)\s?$"
)
_PAST: Final = re.compile(
    r"\b(half past|half|quarter past|quarter to|halb|viertel nach|viertel vor)\s+$"
)
_AFTER: Final = re.compile(r"\s{0,2}(o'clock|uhr\b|heures?\b(?= du| précises)|en punto)")
_LATE: Final = re.compile(
    r"^\s?(?:pm|p\.m)|^.{0,24}\b(?:in the (?:afternoon|evening)|at night|tonight|abends"
    r"|nachmittags|am "
    r"(?:nachmittag|abend)|du soir|de l'après|de la (?:tarde|noche))"
)
_EARLY: Final = re.compile(
    r"^\s?(?:am|a\.m)|^.{0,24}\b(?:in the morning|morgens|vormittags|am (?:morgen|vormittag)"
    r"|du matin|de la mañana)"
)
_SHIFTS: Final = {
    "half past": 30,
    "half": 30,
    "quarter past": 15,
    "quarter to": -15,
    "halb": -30,
    "viertel nach": 15,
    "viertel vor": -15,
}
_PARTS: Final = {"半": 30, "一刻": 15, "三刻": 45}


def times(text: str) -> Iterator[Claim]:
    """The times of day of a folded ``text``; ambiguous ones carry both readings."""
    taken: set[int] = set()
    for pattern in (_CLOCK, _HOUR):
        for match in pattern.finditer(text):
            if match.start() in taken:
                continue
            claim = _digital(text, match)
            if claim:
                taken.update(range(*claim.span))
                yield claim
    for match in _CHINESE.finditer(text):
        if match.start() not in taken and (claim := _chinese(text, match)):
            taken.update(range(*claim.span))
            yield claim
    yield from _worded(text, taken)


def _claim(minutes: int, *, open_: bool, span: tuple[int, int]) -> Claim | None:
    if not 0 <= minutes <= _DAY:
        return None
    readings = {minutes % _DAY, (minutes + _NOON) % _DAY} if open_ else {minutes % _DAY}
    return Claim(kind=Kind.TIME, value=tuple(sorted(str(value) for value in readings)), span=span)


def _digital(text: str, match: re.Match[str]) -> Claim | None:
    exact = match.re is _CLOCK
    hour = int(match.group(1))
    minute = int(match.group(2 if exact else 3) or 0)
    mark = match.group(3 if exact else 2) or ""
    if hour > _LATEST_HOUR or minute > 59:  # noqa: PLR2004
        return None
    return _placed(
        text,
        hour * 60 + minute,
        match.span(),
        f"{mark} {text[match.end() : match.end() + 30]}",
        exact=exact,
    )


def _placed(
    text: str, minutes: int, span: tuple[int, int], after: str, *, exact: bool
) -> Claim | None:
    """The claim for ``minutes``, moved to the afternoon where the words around say so."""
    before = _CHINESE_BEFORE.search(text[max(0, span[0] - 4) : span[0]])
    word = before.group(1) if before else ""
    late = (
        bool(_LATE.search(after[:30]))
        if not word
        else word in "中午下午午后傍晚晚上晚间今晚夜里夜间"
    )
    early = bool(_EARLY.search(after[:30])) if not word else not late
    hour = minutes // 60
    if late and hour < _DOZEN and not (word == "中午" and hour == _DOZEN - 1):
        return _claim(minutes + _NOON, open_=False, span=span)
    if early and hour == _DOZEN:
        return _claim(minutes - _NOON, open_=False, span=span)
    unclear = not (exact or late or early or hour > _DOZEN)
    return _claim(minutes, open_=unclear, span=span)


def _chinese(text: str, match: re.Match[str]) -> Claim | None:
    word = match.group(1)
    hour = int(word) if word.isascii() else (chinese(word) if not re.search(r"\d", word) else 99)
    prefixed = bool(_CHINESE_BEFORE.search(text[max(0, match.start() - 4) : match.start()]))
    if hour > _LATEST_HOUR or (word == "一" and not prefixed):
        return None
    part = match.group(2) or ""
    minute = _PARTS.get(part, 0)
    if part and part not in _PARTS:
        minute = int(part) if part.isascii() else chinese(part)
    return _placed(text, hour * 60 + minute, match.span(), "", exact=False)


def _worded(text: str, taken: set[int]) -> Iterator[Claim]:
    """Half past five, quarter to six, halb acht, two o'clock, noon."""
    for match in re.finditer(r"\b(noon|midday|midnight|mitternacht)\b", text):
        minutes = _NOON if match.group() in {"noon", "midday"} else 0
        yield Claim(kind=Kind.TIME, value=(str(minutes),), span=match.span())
    for numeral in numerals(text):
        if numeral.start in taken or not 1 <= numeral.value <= _LATEST_HOUR:
            continue
        before = _PAST.search(text[max(0, numeral.start - 16) : numeral.start])
        after = _AFTER.match(text, numeral.end)
        if not (before or (after and numeral.words)) or numeral.value % 1:
            continue
        start = numeral.start - (len(before.group()) if before else 0)
        end = after.end() if after else numeral.end
        minutes = int(numeral.value) * 60 + (_SHIFTS[before.group(1)] if before else 0)
        claim = _placed(text, minutes, (start, end), f" {text[end : end + 30]}", exact=False)
        if claim:
            yield claim
