"""In which language a text is written: the language its reply must have."""

import re
from functools import lru_cache
from typing import Final

from lingua import IsoCode639_1, LanguageDetector, LanguageDetectorBuilder

from appliance.screen.hanzi import ONLY_SIMPLIFIED, ONLY_TRADITIONAL

_ENOUGH: Final = 2_000
"""Characters that are looked at; more make no answer better."""

_LATIN: Final = ("DE", "EN", "ES", "FR", "IT", "NL", "PL", "PT")
_SURE: Final = 0.5
"""Below this share of confidence the detector is guessing."""

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA: Final = re.compile(r"[\u3040-\u30ff]")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")

_SCRIPTS: Final = (
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
"""Writing systems that say enough by themselves."""

_LETTERS_IN_A_CHINESE_WORD: Final = 1.6


def detect(text: str, fallback: str) -> str:
    """The language of ``text`` as BCP 47: ``en``, ``de``, … or ``zh-Hans``, ``zh-Hant``.

    A text in two languages has the one that carries more words. Where the text says too little
    ("ok", a number, nothing), the answer is ``fallback``, the language of the office.
    """
    text = _ADDRESS.sub(" ", text[:_ENOUGH])
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    other = _KANA.sub(" ", _HAN.sub(" ", text))
    words = _WORD.findall(other)
    if (han + kana) / _LETTERS_IN_A_CHINESE_WORD >= max(len(words), 0.5):
        return "ja" if kana * 10 >= han + kana else _chinese(text, fallback)
    letters = sum(map(len, words))
    for language, script in _SCRIPTS:
        if len(script.findall(text)) * 2 > letters:
            return language
    return _latin(other, fallback)


def _chinese(text: str, fallback: str) -> str:
    traditional = sum(character in ONLY_TRADITIONAL for character in text)
    simplified = sum(character in ONLY_SIMPLIFIED for character in text)
    if traditional == simplified:
        return fallback if fallback.startswith("zh") else "zh-Hans"
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def _latin(text: str, fallback: str) -> str:
    if "¿" in text or "¡" in text:
        return "es"
    best = _detector().compute_language_confidence_values(text)[0]
    return best.language.iso_code_639_1.name.lower() if best.value >= _SURE else fallback


@lru_cache(maxsize=1)
def _detector() -> LanguageDetector:
    """Built at the first use, since its tables take 20 MB; it never changes afterwards.

    Trigrams only and the eight languages: see docs/decisions/0002-language-detector.md.
    """
    languages = (getattr(IsoCode639_1, code) for code in _LATIN)
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*languages)
    return builder.with_low_accuracy_mode().build()
