"""Rules on what a value belongs to: a true number said of the wrong thing contradicts a passage."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
_WORD: Final = re.compile(r"[a-zà-öø-ÿ]{4,}")
_STEM: Final = 6
_VERBS: Final = "退换补送寄装修取开兑转"
_ABLE: Final = re.compile(
    rf"(不可以?|不能再?|不支持|不得|无法|概不|不予|恕不|均?可以?|都?能够?|支持)(?:再|申请|全额|免费|随时|直接|办理|无理由)*([{_VERBS}])"
)
_PAYER: Final = re.compile(
    r"(?:由|归)?(我们|我司|商家|本店|顾客|客户|您|买家|自己)(?:自行|来)?(?:承担|负担|自理|出)(?!.{0,4}责任)"
)
_OURS: Final = frozenset({"我们", "我司", "商家", "本店"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """A row or clause of the knowledge: what it speaks of and what it says.

    Attributes:
        terms: words and Chinese bigrams.
        sharp: weekdays and codes, which tell units apart for certain.
        claims: its claims.
        stances: what may be done and who pays, as (topic, answer).
    """

    terms: frozenset[str]
    sharp: frozenset[str]
    claims: tuple[Claim, ...]
    stances: frozenset[tuple[str, str]]


def contradicts(case: Case) -> Iterator[Finding]:
    """A value, permission or payer that the passages give to something else.

    A finding needs a place in the knowledge that has another value of the same kind and shares a
    word with the sentence, where every place with the draft's value shares nothing of its own.
    """
    units = [unit for passage in case.draft.passages for unit in _units(passage)]
    common = Counter(term for unit in units for term in unit.terms)
    usual = frozenset(term for term, number in common.items() if number * 2 > len(units) > 2)  # noqa: PLR2004
    for start, end in sentences(case.draft.text):
        sentence = _unit(case.draft.text[start:end], usual)
        for claim in sentence.claims:
            span = (start + claim.span[0], start + claim.span[1])
            if claim.kind in _BOUND and not claim.weak and _misplaced(claim, span, case, units):
                yield review("contradicts_evidence", "The passages say this of something else.", span)
        yield from _opposed(case, (start, end), sentence, units)


def _units(passage: Passage) -> Iterator[_Unit]:
    """The rows and clauses of a passage; a csv row is one whole."""
    if ".csv" in passage.source:
        yield _unit(passage.text)
        return
    for line in passage.text.split("\n"):
        if line.lstrip().startswith("|"):
            yield _unit(line)
            continue
        for start, end in _pieces(line):
            yield _unit(line[start:end])


def _pieces(line: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^。；;，,]+(?:,(?=\d)[^。；;，,]+)*", line):
        if match.group().strip():
            yield match.span()


def _unit(text: str, usual: frozenset[str] = frozenset()) -> _Unit:
    plain = folded(text)
    found = claims(text)
    sharp = {
        f"{claim.kind}:{claim.value[0]}"
        for claim in found
        if claim.kind in {Kind.WEEKDAY, Kind.CODE} and not claim.weak
    }
    stances = {(match[2], "no" if match[1][0] in "不无概恕" else "yes") for match in _ABLE.finditer(plain)}
    stances |= {("pays", "we" if match[1] in _OURS else "you") for match in _PAYER.finditer(plain)}
    return _Unit(
        terms=_terms(plain) - usual,
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


def _misplaced(claim: Claim, span: tuple[int, int], case: Case, units: Sequence[_Unit]) -> bool:
    """Whether the knowledge gives the value of ``claim`` only to things the sentence is not about."""
    rivals = [unit for unit in units if any(_comparable(claim, other) for other in unit.claims)]
    holders = [unit for unit in rivals if any(same(claim, other) for other in unit.claims)]
    others = [unit for unit in rivals if unit not in holders]
    if not holders or not others or case.heard.supports(claim):
        return False
    around = _around(case, span)
    return any(_fits(other, around) and not any(_holds(h, other, around) for h in holders) for other in others)


def _comparable(claim: Claim, other: Claim) -> bool:
    return claim.kind is other.kind and claim.unit == other.unit


def _around(case: Case, span: tuple[int, int]) -> _Unit:
    """The clause of the draft that holds ``span``."""
    for start, end in clauses(case.draft.text, 0, len(case.draft.text)):
        if start <= span[0] < end:
            return _unit(case.draft.text[start:end])
    return _unit("")


def _fits(other: _Unit, around: _Unit) -> bool:
    return bool(other.sharp & around.sharp)


def _holds(holder: _Unit, other: _Unit, around: _Unit) -> bool:
    """Whether ``holder`` may be what the clause speaks of, given that ``other`` may."""
    if holder.sharp and around.sharp:
        return bool(holder.sharp & around.sharp)
    return bool((holder.terms - other.terms) & around.terms) or not holder.sharp


def _opposed(
    case: Case, span: tuple[int, int], sentence: _Unit, units: Sequence[_Unit]
) -> Iterator[Finding]:
    """A permission or payer that holds for something else, while this is ruled otherwise."""
    for start, end in clauses(case.draft.text, *span):
        clause = _unit(case.draft.text[start:end])
        for topic, answer in clause.stances:
            agreeing = [unit for unit in units if (topic, answer) in unit.stances]
            opposing = [
                unit
                for unit in units
                if any(other == topic and said != answer for other, said in unit.stances)
            ]
            if _ruled_otherwise(clause, agreeing, opposing):
                yield review("contradicts_evidence", "The passages rule this otherwise.", (start, end))
                break


def _ruled_otherwise(
    clause: _Unit, agreeing: Sequence[_Unit], opposing: Sequence[_Unit]
) -> bool:
    best = max((len(unit.terms & clause.terms) for unit in agreeing), default=0)
    return any(len(unit.terms & clause.terms) > best for unit in opposing)
