"""Rules on what a value belongs to: a true number said of the wrong thing contradicts a passage."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from appliance.domain.draft import Passage
from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.claim import Claim, Kind
from appliance.guard.claims import claims
from appliance.guard.evidence import same
from appliance.guard.fold import clauses, folded, sentences

_BOUND: Final = frozenset(
    {Kind.AMOUNT, Kind.PERCENTAGE, Kind.DISCOUNT, Kind.DURATION, Kind.TIME, Kind.DATE}
)
_HAN_RUN: Final = re.compile(r"[\u3400-\u9fff]+")
_WORD: Final = re.compile(r"[a-zß-öø-ÿ]{4,}")
_STEM: Final = 6
_VERBS: Final = "退换补送寄装修取开兑转"
_ABLE: Final = re.compile(
    rf"(不可以?|不能再?|不支持|不得|无法|概不|不予|恕不|均?可以?|都?能够?|支持)(?:再|申请|全额"
    rf"|免费|随时|直接|办理|无理由)*([{_VERBS}])"
)
_PAYER: Final = re.compile(
    r"(?:由|归)?(我们|我司|商家|本店|顾客|客户|您|买家|自己)(?:自行|来)?(?:承担|负担|自理"
    r"|出)(?!.{0,4}责任)"
)
_SENTENCE: Final = re.compile(r"(?:[^。；;.]|\.(?=\S))+")
_CLAUSE: Final = re.compile(r"[^，,]+(?:,(?=\d)[^，,]+)*")
_NEGATIONS: Final = "不无概恕"
_EXCLUDED: Final = re.compile(r"(?:不是|并非|非|不属于|没有)[^，,。；\s]{1,8}")
_OURS: Final = frozenset({"我们", "我司", "商家", "本店"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """A row or clause of the knowledge, or of the draft: what it speaks of and what it says.

    Attributes:
        row: it is a row of a table.
        record: it is a row of a csv file, whose units stand in the column's name.
        terms: words and Chinese bigrams, those of its stances left out.
        sharp: weekdays and codes, which tell units apart for certain.
        claims: its claims.
        stances: what may be done and who pays, as (topic, answer).
    """

    row: bool
    record: bool
    terms: frozenset[str]
    sharp: frozenset[str]
    claims: tuple[Claim, ...]
    stances: frozenset[tuple[str, str]]


def contradicts(case: Case) -> Iterator[Finding]:
    """A value, permission or payer that the passages give to something else.

    A finding needs a place in the knowledge that says otherwise and shares a word with the
    sentence, where every place that agrees with the draft shares nothing of its own.
    """
    units = [unit for passage in case.draft.passages for unit in _units(passage)]
    text = case.draft.text
    for start, end in sentences(text):
        sentence = _unit(text[start:end])
        for first, last in clauses(text, start, end):
            clause = _unit(text[first:last])
            for claim in clause.claims:
                span = (first + claim.span[0], first + claim.span[1])
                if _checkable(claim, case) and _misplaced(claim, clause, sentence, units):
                    reason = "The passages say this of something else."
                    yield review("contradicts_evidence", reason, span)
            if any(_opposed(stance, sentence, units) for stance in clause.stances):
                reason = "The passages rule this otherwise."
                yield review("contradicts_evidence", reason, (first, last))


def _units(passage: Passage) -> Iterator[_Unit]:
    """The rows and clauses of a passage; a csv row is one whole."""
    if ".csv" in passage.source:
        yield replace(_unit(passage.text), row=True, record=True)
        return
    for line in passage.text.split("\n"):
        if line.lstrip().startswith("|"):
            yield replace(_unit(line), row=True)
            continue
        for match in _SENTENCE.finditer(line):
            yield from _clauses(match.group())


def _clauses(sentence: str) -> Iterator[_Unit]:
    """The sentence whole where it takes one stance, and its clauses."""
    whole = _unit(sentence)
    topics = [topic for topic, _ in whole.stances]
    split = len(topics) != len(set(topics))
    if not split:
        yield replace(whole, claims=())
    for match in _CLAUSE.finditer(sentence):
        clause = _unit(match.group())
        yield clause if split else replace(clause, stances=frozenset())


def _unit(text: str) -> _Unit:
    plain = folded(text)
    found = claims(text)
    sharp = {
        f"{claim.kind}:{claim.value[0]}"
        for claim in found
        if claim.kind in {Kind.WEEKDAY, Kind.CODE} and not claim.weak
    }
    able, payer = list(_ABLE.finditer(plain)), list(_PAYER.finditer(plain))
    stances = {(match[2], "no" if match[1][0] in _NEGATIONS else "yes") for match in able}
    stances |= {("pays", "we" if match[1] in _OURS else "you") for match in payer}
    for match in (*able, *payer, *_EXCLUDED.finditer(plain)):
        blank = " " * (match.end() - match.start())
        plain = f"{plain[: match.start()]}{blank}{plain[match.end() :]}"
    return _Unit(
        row=False,
        record=False,
        terms=_terms(plain),
        sharp=frozenset(sharp),
        claims=found,
        stances=frozenset(stances),
    )


def _terms(plain: str) -> frozenset[str]:
    words = {match.group()[:_STEM] for match in _WORD.finditer(plain)}
    for match in _HAN_RUN.finditer(plain):
        run = match.group()
        words.update(run[index : index + 2] for index in range(len(run) - 1))
    return frozenset(words)


def _checkable(claim: Claim, case: Case) -> bool:
    """What the customer said may be repeated, whatever else has the same value."""
    return claim.kind in _BOUND and not claim.weak and not case.heard.supports(claim)


def _misplaced(claim: Claim, clause: _Unit, sentence: _Unit, units: Sequence[_Unit]) -> bool:
    """Whether the knowledge gives the value of ``claim`` only to what the draft is not about."""
    rivals = [
        unit for unit in units if any(_comparable(claim, other, unit) for other in unit.claims)
    ]
    holders = [unit for unit in rivals if any(same(claim, other) for other in unit.claims)]
    others = [unit for unit in rivals if not any(same(claim, other) for other in unit.claims)]
    if not holders:
        return False
    if any(other.sharp & clause.sharp for other in others):
        return all(holder.sharp and not holder.sharp & clause.sharp for holder in holders)
    return all(holder.row for holder in holders) and _meant(
        [other for other in others if other.row], holders, sentence
    )


def _comparable(claim: Claim, other: Claim, unit: _Unit) -> bool:
    bare = unit.record and other.kind is Kind.NUMBER and not other.unit
    return bare or (claim.kind is other.kind and claim.unit == other.unit)


def _opposed(stance: tuple[str, str], sentence: _Unit, units: Sequence[_Unit]) -> bool:
    """Whether the knowledge takes this stance on something else, and the other one on this."""
    topic, answer = stance
    agreeing = [unit for unit in units if stance in unit.stances]
    opposing = [
        unit
        for unit in units
        if stance not in unit.stances
        and any(other == topic and said != answer for other, said in unit.stances)
    ]
    return bool(agreeing) and _meant(opposing, agreeing, sentence)


def _meant(others: Sequence[_Unit], holders: Sequence[_Unit], sentence: _Unit) -> bool:
    """Whether the sentence has a word of one of ``others`` alone, and of no holder alone."""
    return any(
        (other.terms - frozenset().union(*(holder.terms for holder in holders))) & sentence.terms
        and not any((holder.terms - other.terms) & sentence.terms for holder in holders)
        for other in others
    )
