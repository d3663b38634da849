"""Rules on what the passages allow: a permission, a payer or a service that they rule otherwise."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.fold import sentences
from appliance.guard.units import Unit, told_apart

_REASON: Final = "The passages rule this otherwise."
_REFUSED_ZH: Final = re.compile(
    r"(?:不支持|不接受|不提供|不回收|不办理|不开具|不销售|不含|不包含|不包括|不适用于)"
    r"([\u4e00-\u9fff、和及或]{2,30})"
)
_REFUSED_EN: Final = re.compile(
    r"\b(?:do|does|can|could|will)(?:n't| ?not) (?:provide|accept|take|offer|sell|deliver|ship|"
    r"repair|buy|work on|lend|issue|include|cover)\s(?:on |to |any |an? |the )?"
    r"((?:[a-z-]+(?:, | or | and )?[ ]?){1,6})"
)
_ITEM: Final = re.compile(r"、|，|和|及|或|, (?:or |and )?| or | and ")
_NEGATED: Final = re.compile(
    r"不|无|没|未|非|除|恕|勿|别|\b(?:not|no|nor|never|cannot|neither|without|except|unfortunately|only|"
    r"instead|sorry|afraid|unable|kein\w*|nicht|leider|ohne|ne|pas|sin)\b|n't\b"
)
_SPECIFIC: Final = 3
"""Chinese characters that make a noun specific."""


def opposed(case: Case) -> Iterator[Finding]:
    """A permission or payer that holds for something else, while this is ruled the other way."""
    for sentence in case.sentences:
        for span, clause in sentence.clauses:
            if any(_opposed(stance, sentence.whole, case.units) for stance in clause.stances):
                yield review("contradicts_evidence", _REASON, span)


def _opposed(stance: tuple[str, str], sentence: Unit, known: Sequence[Unit]) -> bool:
    """Whether the knowledge takes this stance on something else, and the other one on this."""
    topic, answer = stance
    agreeing = [unit for unit in known if stance in unit.stances]
    opposing = [
        unit
        for unit in known
        if stance not in unit.stances
        and any(other == topic and said != answer for other, said in unit.stances)
    ]
    return bool(agreeing) and told_apart(opposing, agreeing, sentence)


def refused(case: Case) -> Iterator[Finding]:
    """Something the passages say is not done, named in a sentence without any negation."""
    nouns = [noun for pattern in (_REFUSED_ZH, _REFUSED_EN) for noun in _nouns(case, pattern)]
    for start, end in sentences(case.plain):
        sentence = case.plain[start:end]
        if _NEGATED.search(sentence) or sentence.rstrip().endswith("?"):
            continue
        for noun in nouns:
            position = sentence.find(noun)
            if position >= 0:
                span = (start + position, start + position + len(noun))
                yield review("contradicts_evidence", _REASON, span)
                break


def _nouns(case: Case, pattern: re.Pattern[str]) -> Iterator[str]:
    """What the passages refuse, each item of a list by itself; single words say too little."""
    for match in pattern.finditer(case.knowledge.text):
        for item in _ITEM.split(match.group(1)):
            noun = item.strip(" -")
            if (" " in noun) if noun.isascii() else (len(noun) >= _SPECIFIC):
                yield noun
