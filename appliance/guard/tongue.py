"""Rules on the language and the script of a draft."""

import re
from collections.abc import Iterator
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review

_HAN_RUN: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
_OTHER_RUN: Final = re.compile(
    r"[\u0400-\u04ff]{2,}|[\u3040-\u30ff]{2,}|[\uac00-\ud7af]{2,}|[\u0590-\u05ff]{2,}"
    r"|[\u0600-\u06ff]{2,}|[\u0e00-\u0e7f]{2,}"
)
_SCRIPTED: Final = frozenset({"zh", "ja", "ko", "ru", "uk", "bg", "sr", "he", "ar", "fa", "th"})
_CONTACT: Final = re.compile(r"https?://\S+|[\w.+-]{1,64}@[\w.-]{1,80}|\b[^\W\d]{0,20}\d[\w-]*\b")
_SHORT: Final = 30
_MIXED: Final = 2


def wrong_language(case: Case) -> Iterator[Finding]:
    """The body as a whole is written in another language than the reply's."""
    wanted = case.draft.language
    text = _CONTACT.sub(" ", case.draft.text)
    if not wanted or len(text.strip()) < (_SHORT // 3 if _HAN_RUN.search(text) else _SHORT):
        return
    found = case.detect(text, wanted)
    if found and _base(found) != _base(wanted):
        yield review("wrong_language", f"The draft is written in {found}, not in {wanted}.")


def _base(language: str) -> str:
    return language.partition("-")[0]


def wrong_script(case: Case) -> Iterator[Finding]:
    """Characters of a script that the reply's language does not use; Hans and Hant are two."""
    wanted = case.draft.language
    if _base(wanted) == "zh":
        yield from _variant(case, "Hant" if wanted.endswith(("Hant", "TW", "HK", "MO")) else "Hans")
    elif wanted and _base(wanted) not in _SCRIPTED:
        for pattern in (_HAN_RUN, _OTHER_RUN):
            for match in pattern.finditer(case.draft.text):
                if match.group() not in _given(case):
                    reason = "This script does not belong to the reply's language."
                    yield review("wrong_script", reason, match.span())


def _given(case: Case) -> str:
    """Names that may stand in their own script: the office's and the correspondent's."""
    return f"{case.office.name}\n{case.office.signature}\n{case.thread.newest.sender.name}"


def _variant(case: Case, wanted: str) -> Iterator[Finding]:
    other = "Hans" if wanted == "Hant" else "Hant"
    names = frozenset(_given(case))
    strange = [
        match for match in _HAN_RUN.finditer(case.draft.text) if _count(match.group(), other, names)
    ]
    total = sum(_count(match.group(), other, names) for match in strange)
    if total < _MIXED:
        return
    spans = [match.span() for match in strange]
    reason = f"Characters of the other Chinese script (the reply's is {wanted})."
    yield review("wrong_script", reason, (spans[0][0], spans[-1][1]))


def _count(text: str, variant: str, names: frozenset[str]) -> int:
    return sum(script(character) == variant for character in text if character not in names)


def script(character: str) -> str:
    """``Hans`` or ``Hant`` where a character belongs to one of the two alone, else empty.

    GB 2312 holds the Simplified and Big5 the Traditional set; what both or neither hold tells
    nothing.
    """
    simplified, traditional = _encodes(character, "gb2312"), _encodes(character, "big5")
    if simplified == traditional:
        return ""
    return "Hans" if simplified else "Hant"


def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
