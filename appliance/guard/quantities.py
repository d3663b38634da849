"""Finds amounts of money, percentages, durations, measures and plain numbers."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from appliance.guard.claim import Claim, Kind
from appliance.guard.numerals import Numeral, numerals

_Unit = tuple[Kind, str, int]


def _table() -> Mapping[str, _Unit]:
    rows: tuple[tuple[Kind, str, int, str], ...] = (
        (Kind.DURATION, "min", 1, "minute minutes min mins minuten minuto minutos 分钟"),
        (
            Kind.DURATION,
            "min",
            60,
            "hour hours hr hrs stunde stunden std heure heures hora horas h 小时 个小时 个钟头",
        ),
        (
            Kind.DURATION,
            "min",
            1440,
            (
                "day days tag tage tagen tages jour jours día días dia dias "
                "werktag werktage werktagen arbeitstag arbeitstage arbeitstagen "
                "天 日 个工作日 工作日 个自然日 自然日 日内"
            ),
        ),
        (
            Kind.DURATION,
            "min",
            10080,
            "week weeks woche wochen semaine semaines semana semanas 周 个星期 星期 个礼拜 礼拜",
        ),
        (Kind.DURATION, "min", 20160, "fortnight fortnights"),
        (
            Kind.DURATION,
            "month",
            1,
            "month months monat monate monaten monats mois mes meses 个月 月",
        ),
        (
            Kind.DURATION,
            "month",
            12,
            "year years jahr jahre jahren jahres an ans année années año años 年",
        ),
        (Kind.PERCENTAGE, "%", 1, "% percent prozent %的"),
        (
            Kind.AMOUNT,
            "GBP",
            1,
            "£ gbp pound pounds pfund livre livres libra libras quid 英镑 镑",
        ),
        (Kind.AMOUNT, "EUR", 1, "€ eur euro euros 欧元"),
        (Kind.AMOUNT, "CNY", 1, "¥ rmb cny yuan 元 块钱 块 人民币 圆"),
        (Kind.AMOUNT, "USD", 1, "$ usd dollar dollars 美元"),
        (Kind.AMOUNT, "HKD", 1, "hkd 港元 港币"),
        (Kind.DISCOUNT, "折", 1, "折"),
        (Kind.NUMBER, "m", 100, "m 米 metre metres meter metern mètres metros 公尺"),
        (Kind.NUMBER, "m", 1, "cm 厘米 公分"),
        (Kind.NUMBER, "kg", 1, "kg 公斤 千克"),
        (Kind.NUMBER, "wh", 1, "wh"),
        (Kind.NUMBER, "°c", 1, "°c ℃ 度 °"),
    )
    return {
        word: (kind, unit, factor) for kind, unit, factor, words in rows for word in words.split()
    }


_UNITS: Final = _table()
_LATIN_UNIT: Final = re.compile(
    r"[ \u00a0-]{0,2}(?:(?:working|business|full|calendar|whole|volle[nr]?|ganze[nr]?)[ -])?"
    r"([a-zß-öø-ÿ]+|[%£€$¥℃]|°c?)"
)
_HAN_UNIT: Final = re.compile(
    r"\s?("
    + "|".join(sorted((word for word in _UNITS if word[0] >= "\u3400"), key=len, reverse=True))
    + r")"
)
_SPACED_PERCENT: Final = re.compile(r"\s?(?:per cent|pour cent|por ciento|v\. ?h\.)\b")
_BEFORE: Final = re.compile(r"(£|€|\$|¥|hk\$|\brmb|\bcny|\bgbp|\beur|\busd|人民币)\s?$|(百分之)$")
_CURRENCY_WORDS: Final = {"hk$": "HKD", "人民币": "CNY"}
_CONNECTOR: Final = re.compile(
    r"\s?(?:-|~|to|and|or|bis|und|oder|à|a|y|o|et|ou|至|到|、)\s?[£€$¥]?\s?"
)
_LIST_MARK: Final = re.compile(
    r"(?:^|\n)[ \t]*(?:[(\[]?\d{1,2}[.)、\]](?!\d)|[(]?[一二三四五六七八九十]{1,2}[)、.])"
)
_COUNTERS: Final = "次个台件项张条位份楼层种笔遍根套间款封"
_OF: Final = "个"

_PHRASES: Final[tuple[tuple[re.Pattern[str], Kind, str, Decimal], ...]] = tuple(
    (re.compile(pattern), kind, unit, Decimal(value))
    for pattern, kind, unit, value in (
        (
            r"\bthree quarters of an hour\b|\bdreiviertelstunde\b|\btrois quarts d'heure\b|三刻钟",
            Kind.DURATION,
            "min",
            45,
        ),
        (
            (
                r"\b(?:an hour and a half|one and a half hours|anderthalb stunden|eineinhalb "
                r"stunden|une heure et demie|hora y media)\b|一个半小时"
            ),
            Kind.DURATION,
            "min",
            90,
        ),
        (
            (
                r"\b(?:half an hour|half-hour|halbe stunde|halben stunde|demi-heure|media "
                r"hora)\b|半(?:个)?小时"
            ),
            Kind.DURATION,
            "min",
            30,
        ),
        (
            r"\b(?:a quarter of an hour|viertelstunde|quart d'heure|cuarto de hora)\b|一刻钟",
            Kind.DURATION,
            "min",
            15,
        ),
        (
            r"\ba (?:year and a half)\b|\b(?:anderthalb|eineinhalb) jahren?\b|一年半",
            Kind.DURATION,
            "month",
            18,
        ),
        (r"\b(?:half a year|halbes jahr|halben jahr|six mois)\b|半年", Kind.DURATION, "month", 6),
        (
            (
                r"\ba fortnight\b|\btwo weeks\b|\bquinzaine\b|\bquinze jours\b|\bvierzehn "
                r"tagen?\b|两周|半个月"
            ),
            Kind.DURATION,
            "min",
            20160,
        ),
        (
            r"\bhalf\b(?! past| an| hour)|\bhälfte\b|\bmoitié\b|\bmitad\b|一半|半价",
            Kind.PERCENTAGE,
            "%",
            50,
        ),
    )
)
_YEARS: Final = range(1900, 2101)


def quantities(text: str) -> Iterator[Claim]:
    """The quantities of a folded ``text`` from which times, dates and contacts are blotted out."""
    taken: list[tuple[int, int]] = [match.span() for match in _LIST_MARK.finditer(text)]
    for pattern, kind, name, value in _PHRASES:
        for match in pattern.finditer(text):
            taken.append(match.span())
            weak = kind is Kind.PERCENTAGE
            yield _claim(kind, name, value, match.span(), weak=weak)
    found = [
        numeral
        for numeral in numerals(text)
        if not any(numeral.start < right and left < numeral.end for left, right in taken)
    ]
    unit: tuple[_Unit, int] | None = None
    for index in range(len(found) - 1, -1, -1):
        numeral = found[index]
        later = (
            unit if index + 1 < len(found) and _connected(text, numeral, found[index + 1]) else None
        )
        unit = _unit(text, numeral) or later
        claim = _quantity(text, numeral, unit)
        if claim:
            yield claim


def _connected(text: str, numeral: Numeral, following: Numeral) -> bool:
    return bool(_CONNECTOR.fullmatch(text, numeral.end, following.start))


def _unit(text: str, numeral: Numeral) -> tuple[_Unit, int] | None:
    """The unit of ``numeral`` and where the two end together."""
    before = _BEFORE.search(text[max(0, numeral.start - 6) : numeral.start])
    if before and before.group(2):
        return (Kind.PERCENTAGE, "%", 1), numeral.end
    if before:
        word = before.group(1)
        return (Kind.AMOUNT, _CURRENCY_WORDS.get(word) or _UNITS[word][1], 1), numeral.end
    spaced = _SPACED_PERCENT.match(text, numeral.end)
    if spaced:
        return (Kind.PERCENTAGE, "%", 1), spaced.end()
    for pattern in (_HAN_UNIT, _LATIN_UNIT):
        match = pattern.match(text, numeral.end)
        if match and match.group(1) in _UNITS:
            return _UNITS[match.group(1)], match.end()
    return _after_adjective(text, numeral.end)


def _after_adjective(text: str, end: int) -> tuple[_Unit, int] | None:
    """The unit behind a French or Spanish measure word that is no unit by itself."""
    match = re.compile(r"(?:多|余|几)(天|个月|年|元|小时|分钟|周)").match(text, end)
    return (_UNITS[match.group(1)], match.end()) if match else None


def _quantity(text: str, numeral: Numeral, unit: tuple[_Unit, int] | None) -> Claim | None:
    if unit is None:
        return _plain(text, numeral)
    (kind, name, factor), end = unit
    value = numeral.value
    if name == "month" and factor == 12 and value in _YEARS:  # noqa: PLR2004
        return _claim(Kind.NUMBER, "", value, (numeral.start, numeral.end))
    if name == "month" and factor == 1 and text[numeral.end : numeral.end + 1] == "月":
        return None
    if kind is Kind.DISCOUNT and value >= 10:  # noqa: PLR2004
        value /= 10
    weak = numeral.words and value == 1
    span = (_start(text, numeral), max(end, numeral.end) if end >= numeral.end else numeral.end)
    span = (span[0], span[1] if span[1] - numeral.end < 24 else numeral.end)  # noqa: PLR2004
    return _claim(kind, name, value * factor, span, number=value, weak=weak)


def _start(text: str, numeral: Numeral) -> int:
    before = _BEFORE.search(text[max(0, numeral.start - 6) : numeral.start])
    return numeral.start - len(before.group()) if before else numeral.start


def _plain(text: str, numeral: Numeral) -> Claim | None:
    """A number without a unit; in words it is too common to be a claim."""
    after = text[numeral.end : numeral.end + 1]
    if after.isascii() and after.isalpha() and not numeral.words:
        return None
    return _claim(Kind.NUMBER, "", numeral.value, (numeral.start, numeral.end), weak=numeral.words)


def _claim(
    kind: Kind,
    unit: str,
    value: Decimal,
    span: tuple[int, int],
    *,
    number: Decimal | None = None,
    weak: bool = False,
) -> Claim:
    shown = format(value.normalize(), "f")
    raw = value if number is None else number
    return Claim(kind=kind, value=(shown,), span=span, unit=unit, number=raw.normalize(), weak=weak)
