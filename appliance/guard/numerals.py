"""Finds numbers in text, in digits and in words (zh, en, de, fr, es)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_DIGITS: Final = re.compile(
    r"(?<![\w.])\d{1,3}(?:(?:[.,' \u00a0\u202f])\d{3})+(?:[.,]\d{1,2})?(?!\d)"
    r"|(?<![a-z0-9])\d{1,20}(?:[.,]\d{1,20})?"
)
_CHINESE: Final = re.compile(r"[零〇一二两三四五六七八九十百千万]{1,20}")
_WORD: Final = re.compile(r"[a-zß-öø-ÿ]+")
_GROUPED: Final = re.compile(r"[1-9]\d{0,2}(?:([.,' \u00a0\u202f])\d{3})(?:\1\d{3})*")

_CHINESE_DIGITS: Final = {
    **{character: value for value, character in enumerate("零一二三四五六七八九")},
    "〇": 0,
    "两": 2,
}
_THOUSAND: Final = 1000
_CHINESE_SCALES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeral:
    """A number as it stands in a text; ``words`` where it is not written in digits."""

    value: Decimal
    start: int
    end: int
    words: bool = False


def numerals(text: str) -> list[Numeral]:
    """Every numeral of a folded ``text``, in order."""
    found = [
        Numeral(value=_digits(match.group()), start=match.start(), end=match.end())
        for match in _DIGITS.finditer(text)
    ]
    found += [
        Numeral(value=Decimal(chinese(match.group())), start=start, end=end, words=True)
        for match in _CHINESE.finditer(text)
        for start, end in (match.span(),)
    ]
    found += _spelled(text)
    return sorted(found, key=lambda numeral: numeral.start)


def _digits(word: str) -> Decimal:
    """The value of digits with separators; three digits behind one are a thousand group."""
    if _GROUPED.fullmatch(word):
        return Decimal(re.sub(r"\D", "", word))
    point = max(word.rfind("."), word.rfind(","))
    whole = re.sub(r"\D", "", word[:point] if point >= 0 else word)
    return Decimal(f"{whole}.{word[point + 1 :]}" if point >= 0 else whole)


def chinese(word: str) -> int:
    """The value of a Chinese numeral: 一百二十 is 120, 二〇二六 is 2026, 九二 is 92."""
    if not any(character in _CHINESE_SCALES for character in word):
        return int("".join(str(_CHINESE_DIGITS[character]) for character in word))
    total = section = digit = 0
    for character in word:
        if character == "万":
            total, section, digit = (total + section + digit) * 10000, 0, 0
        elif character in _CHINESE_SCALES:
            section, digit = section + (digit or 1) * _CHINESE_SCALES[character], 0
        else:
            digit = _CHINESE_DIGITS[character]
    return total + section + digit


def _spelled(text: str) -> Iterator[Numeral]:
    """Numbers in words of alphabetic languages; the longest phrase wins."""
    words = list(_WORD.finditer(text))
    index = 0
    while index < len(words):
        value, used = _phrase(text, words, index)
        if used:
            start, end = words[index].start(), words[index + used - 1].end()
            yield Numeral(value=Decimal(value), start=start, end=end, words=True)
        index += used or 1


def _phrase(text: str, words: list[re.Match[str]], index: int) -> tuple[int, int]:
    """Value of the number phrase that begins at word ``index``, and how many words it takes."""
    total = current = used = 0
    while index + used < len(words) and (used == 0 or _joined(text, words, index + used)):
        value, taken = _below_hundred(text, words, index + used)
        if taken:
            if current % 100:
                break
            current, used = current + value, used + taken
            continue
        scale = _SCALES.get(words[index + used].group())
        if scale is None or (used == 0 and scale == 0):
            filler = used and words[index + used].group() in {"and", "und"} and current % 100 == 0
            if not filler or index + used + 1 >= len(words):
                break
            follows = _below_hundred(text, words, index + used + 1)[1]
            if not follows or current == 0:
                break
            used += 1
            continue
        if scale == _THOUSAND:
            current, total = 0, total + max(current, 1) * _THOUSAND
        else:
            current = max(current, 1) * scale
        used += 1
    return (total + current, used)


def _joined(text: str, words: list[re.Match[str]], index: int) -> bool:
    between = text[words[index - 1].end() : words[index].start()]
    return between in {" ", "-", ""}


def _below_hundred(text: str, words: list[re.Match[str]], index: int) -> tuple[int, int]:
    """The longest phrase below 100 at word ``index``: its value and its number of words."""
    best, taken, phrase = 0, 0, ""
    if words[index].group() not in _FIRST:
        return best, taken
    for offset in range(min(4, len(words) - index)):
        if offset and not _joined(text, words, index + offset):
            break
        phrase = f"{phrase} {words[index + offset].group()}".strip()
        if phrase in _NAMES:
            best, taken = _NAMES[phrase], offset + 1
    return best, taken


_EN: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_EN_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_DE: Final = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn"
).split()
_DE_TENS: Final = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
_FR: Final = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix_sept dix_huit dix_neuf"
).split()
_FR_TENS: Final = "vingt trente quarante cinquante soixante".split()
_ES: Final = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro "
    "veinticinco veintiséis veintisiete veintiocho veintinueve"
).split()
_ES_TENS: Final = "treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()

_SCALES: Final[Mapping[str, int]] = {
    "hundred": 100,
    "thousand": 1000,
    "hundert": 100,
    "tausend": 1000,
    "cent": 100,
    "cents": 100,
    "mille": 1000,
    "cien": 100,
    "ciento": 100,
    "mil": 1000,
}


def _english() -> Iterator[tuple[str, int]]:
    for tens, word in enumerate(_EN_TENS, 2):
        yield word, tens * 10
        for unit in range(1, 10):
            yield f"{word} {_EN[unit]}", tens * 10 + unit
    yield from (("dozen", 12), ("a dozen", 12))


def _german() -> Iterator[tuple[str, int]]:
    for tens, word in enumerate(_DE_TENS, 2):
        for spelled in {word, word.replace("ß", "ss")}:
            yield spelled, tens * 10
            for unit in range(1, 10):
                yield f"{'ein' if unit == 1 else _DE[unit]}und{spelled}", tens * 10 + unit
    for unit in range(2, 10):
        yield f"{_DE[unit]}hundert", 100 * unit
        yield f"{_DE[unit]}tausend", 1000 * unit
    yield from (("ein", 1), ("eine", 1), ("einen", 1), ("einem", 1), ("einer", 1), ("eines", 1))


def _french() -> Iterator[tuple[str, int]]:
    for tens, word in enumerate(_FR_TENS, 2):
        yield word, tens * 10
        for unit in range(1, 10):
            joint = " et " if unit == 1 else " "
            yield f"{word}{joint}{_FR[unit]}", tens * 10 + unit
    for unit in range(10, 20):
        below = _FR[unit].replace("_", " ")
        yield f"soixante {'et ' if below == 'onze' else ''}{below}", 60 + unit
        yield f"quatre vingt {below}", 80 + unit
    yield from (("quatre vingt", 80), ("quatre vingts", 80), ("une", 1))
    for unit in range(1, 10):
        yield f"quatre vingt {_FR[unit]}", 80 + unit


def _spanish() -> Iterator[tuple[str, int]]:
    for tens, word in enumerate(_ES_TENS, 3):
        yield word, tens * 10
        for unit in range(1, 10):
            yield f"{word} y {_ES[unit]}", tens * 10 + unit
    yield from (("una", 1), ("un", 1), ("veintiún", 21))


_NAMES: Final[Mapping[str, int]] = {
    **{word.replace("_", " "): value for value, word in enumerate(_FR)},
    **{word: value for value, word in enumerate(_ES)},
    **{word: value for value, word in enumerate(_DE)},
    **{word: value for value, word in enumerate(_EN)},
    **dict((*_english(), *_german(), *_french(), *_spanish())),
}
_FIRST: Final = frozenset(name.partition(" ")[0] for name in _NAMES)
