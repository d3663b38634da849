"""Finds dates and weekdays, in words and in figures (zh, en, de, fr, es)."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from appliance.guard.claim import Claim, Kind
from appliance.guard.numerals import chinese

_MONTH_NAMES: Final[Mapping[str, int]] = {
    name: month
    for month, names in enumerate(
        (
            "january jan januar jänner janvier enero",
            "february feb februar février febrero",
            "march mar märz mars marzo",
            "april apr avril abril",
            "may mai mayo",
            "june jun juni juin junio",
            "july jul juli juillet julio",
            "august aug août agosto",
            "september sept sep septembre septiembre",
            "october oct oktober okt octobre octubre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre diciembre",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAY_NAMES: Final[Mapping[str, int]] = {
    name: day
    for day, names in enumerate(
        (
            "monday montag lundi lunes",
            "tuesday dienstag mardi martes",
            "wednesday mittwoch mercredi miércoles",
            "thursday donnerstag jeudi jueves",
            "friday freitag vendredi viernes",
            "saturday samstag sonnabend samedi sábado",
            "sunday sonntag dimanche domingo",
        )
    )
    for name in names.split()
}
_MONTH: Final = "|".join(sorted(_MONTH_NAMES, key=len, reverse=True))
_DAY: Final = r"(\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_JOIN: Final = r"\s{0,2}(?:-|to|and|till|until|bis|und|au|et|al|y|,|~)\s{0,2}(?:the )?"

_ISO: Final = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d])")
_FIGURES: Final = re.compile(r"(?<![\d.:])(\d{1,2})([./])[ ]?(\d{1,2})\2(\d{4})?(?![\d])")
_DAY_MONTH: Final = re.compile(
    rf"(?<![\d.,:])(?:{_DAY}{_JOIN})?(?:{_DAY}{_JOIN})?{_DAY}\s{{0,2}}(?:of |de )?({_MONTH})\b\.?"
    r"(?:,?\s{0,2}(?:de )?(\d{4})(?!\d))?"
)
_MONTH_DAY: Final = re.compile(
    rf"\b({_MONTH})\.?\s{{1,2}}(?:the )?(\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?![\d:])(?:{_JOIN}(\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?![\d:]))?(?:,?\s{{1,2}}(\d{{4}}))?"
)
_ORDINAL: Final = re.compile(r"(?<![\d.,])(\d{1,2})(?:st|nd|rd|th)\b")
_N: Final = r"[\d零〇一二三四五六七八九十]"
_CHINESE: Final = re.compile(
    rf"(?:({_N}{{2,4}})年)?({_N}{{1,3}})月({_N}{{1,3}})[日号](?:(?:\([^)\n]{{0,12}}\))?([-至到~、和及])(?:(?:({_N}{{2,4}})年)?({_N}{{1,3}})月)?({_N}{{1,3}})[日号])?"
)
_CHINESE_DAY: Final = re.compile(
    rf"(?<![\d.])({_N}{{1,3}})[日号](?![^\s]?楼|码|线|门|电池|口)(?=[^一-龥]|之|前|后|起"
    rf"|开|到|至|的|下|上|中|晚|$)"
)
_CHINESE_WEEKDAY: Final = re.compile(
    r"(?:周|星期|礼拜)([一二三四五六日天末])(?:\s?(?:-|至|到|~)\s?(?:周|星期"
    r"|礼拜)?([一二三四五六日天]))?"
)
_WEEKDAY: Final = re.compile(
    rf"\b({'|'.join(_WEEKDAY_NAMES)})(?:s|abends?|morgens?)?\b"
    rf"(?:\s(?:to|bis|au|a|-|through|until)\s({'|'.join(_WEEKDAY_NAMES)})s?\b)?"
)
_WEEKEND: Final = re.compile(r"\bweekends?\b|\bwochenende\b|\bweek-end\b|\bfin de semana\b")
_WORKING: Final = re.compile(r"工作日|\bworking days?\b|\bbusiness days?\b|\bwerktag\w*")
_RELATIVE: Final = re.compile(
    r"大后天|后天|明天|明日|明早|\btomorrow\b|\bübermorgen\b|\bdemain\b|\bpasado mañana\b"
    r"|\btoday\b|今天|今日|\bheute\b"
)
_OFFSETS: Final = {
    "大后天": 3,
    "后天": 2,
    "übermorgen": 2,
    "pasado mañana": 2,
    "today": 0,
    "今天": 0,
    "今日": 0,
    "heute": 0,
}
_LONGEST_RANGE: Final = 45
_DAYS: Final = 31
_MONTHS: Final = 12


def dates(text: str, today: date | None) -> Iterator[Claim]:
    """The dates and weekdays of a folded ``text``.

    A range yields each of its days as readings of its span's claims, so that a day inside a stated
    range counts as stated.
    """
    taken: set[int] = set()
    for reader in (_figures, _chinese, _worded, _single):
        read = tuple(reader(text))
        yield from (claim for claim in read if not taken.intersection(range(*claim.span)))
        taken.update(*(range(*claim.span) for claim in read))
    yield from _weekdays(text)
    yield from _relative(text, today)


def _date(year: int, month: int, day: int, span: tuple[int, int]) -> Iterator[Claim]:
    if 0 <= month <= _MONTHS and 1 <= day <= _DAYS:
        yield Claim(kind=Kind.DATE, value=(f"{year}-{month}-{day}",), span=span)


def _figures(text: str) -> Iterator[Claim]:
    for match in _ISO.finditer(text):
        year, month, day = (int(group) for group in match.groups())
        yield from _date(year, month, day, match.span())
    for match in _FIGURES.finditer(text):
        if match.group(2) == "." or match.group(4):
            day, month, year = int(match[1]), int(match[3]), int(match[4] or 0)
            yield from _date(year, month, day, match.span())


def _number(word: str) -> int:
    if word.isascii():
        return int(word)
    return 0 if re.search(r"\d", word) else chinese(word)


def _chinese(text: str) -> Iterator[Claim]:
    for match in _CHINESE.finditer(text):
        year, month, day = (_number(group) if group else 0 for group in match.group(1, 2, 3))
        year = year + 2000 if 0 < year < 100 else year  # noqa: PLR2004
        yield from _date(year, month, day, match.span())
        if match.group(7):
            last_month = _number(match.group(6)) if match.group(6) else month
            last = (last_month, _number(match.group(7)))
            spanned = match.group(4) not in "、和及"
            yield from _until(year, (month, day), last, match.span(), spanned=spanned)


def _worded(text: str) -> Iterator[Claim]:
    for match in _DAY_MONTH.finditer(text):
        month, year = _MONTH_NAMES[match.group(4)], int(match.group(5) or 0)
        days = [int(group) for group in match.group(1, 2, 3) if group]
        for day in days:
            yield from _date(year, month, day, match.span())
        if len(days) == 2 and re.match(r"\S+\s?(?:-|to|till|until|bis|au|al)\b", match.group()):  # noqa: PLR2004
            yield from _until(year, (month, days[0]), (month, days[1]), match.span(), spanned=True)
    for match in _MONTH_DAY.finditer(text):
        year = int(match.group(4) or 0)
        for word in match.group(2, 3):
            if word:
                yield from _date(year, _MONTH_NAMES[match.group(1)], int(word), match.span())


def _until(
    year: int,
    first: tuple[int, int],
    last: tuple[int, int],
    span: tuple[int, int],
    *,
    spanned: bool,
) -> Iterator[Claim]:
    """The last day of a range or list and, for a range, the days between."""
    yield from _date(year, *last, span)
    try:
        begin, end = date(year or 2000, *first), date(year or 2000, *last)
    except ValueError:
        return
    if spanned and timedelta() < end - begin <= timedelta(days=_LONGEST_RANGE):
        for offset in range(1, (end - begin).days):
            day = begin + timedelta(days=offset)
            yield from _date(year, day.month, day.day, span)


def _single(text: str) -> Iterator[Claim]:
    for match in _ORDINAL.finditer(text):
        yield from _date(0, 0, int(match.group(1)), match.span())
    for match in _CHINESE_DAY.finditer(text):
        yield from _date(0, 0, _number(match.group(1)), match.span())


def _weekdays(text: str) -> Iterator[Claim]:
    for match in _WEEKDAY.finditer(text):
        first = _WEEKDAY_NAMES[match.group(1)]
        last = _WEEKDAY_NAMES[match.group(2)] if match.group(2) else first
        yield from _run(first, last, match.span())
    for match in _CHINESE_WEEKDAY.finditer(text):
        if match.group(1) == "末":
            yield from _run(5, 6, match.span(), weak=True)
            continue
        first = _chinese_weekday(match.group(1))
        last = _chinese_weekday(match.group(2)) if match.group(2) else first
        yield from _run(first, last, match.span())
    for match in _WEEKEND.finditer(text):
        yield from _run(5, 6, match.span(), weak=True)
    for match in _WORKING.finditer(text):
        yield from _run(0, 4, match.span(), weak=True)


def _chinese_weekday(word: str) -> int:
    return 6 if word in "日天" else "一二三四五六".index(word)


def _run(first: int, last: int, span: tuple[int, int], *, weak: bool = False) -> Iterator[Claim]:
    for offset in range((last - first) % 7 + 1):
        day = str((first + offset) % 7)
        yield Claim(kind=Kind.WEEKDAY, value=(day,), span=span, weak=weak)


def _relative(text: str, today: date | None) -> Iterator[Claim]:
    if today is None:
        return
    for match in _RELATIVE.finditer(text):
        offset = _OFFSETS.get(match.group(), 1)
        day = today + timedelta(days=offset)
        span = match.span()
        yield Claim(
            kind=Kind.DATE, value=(f"{day:%Y-{day.month}-{day.day}}",), span=span, weak=offset == 0
        )
