"""Cuts the knowledge into the pieces that say one thing of one thing: rows and clauses."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from appliance.domain.draft import Passage
from appliance.guard.claim import Claim, Kind
from appliance.guard.claims import claims
from appliance.guard.fold import clauses, folded, sentences

VALUES: Final = frozenset(
    {Kind.AMOUNT, Kind.PERCENTAGE, Kind.DISCOUNT, Kind.DURATION, Kind.TIME, Kind.DATE}
)
"""Kinds of claims that belong to what stands beside them."""

_HAN_RUN: Final = re.compile(r"[\u3400-\u9fff]+")
_WORD: Final = re.compile(r"[a-zß-öø-ÿ]{4,}")
_STEM: Final = 6
_COUNTED: Final = re.compile(r"(?<![\d.])\d+(?:期|级|层|档|寸|英寸|件套)")
_SENTENCE: Final = re.compile(r"(?:[^。；;.]|\.(?=\S))+")
_CLAUSE: Final = re.compile(r"[^，,]+(?:,(?=\d)[^，,]+)*")

_VERBS: Final = "退换补送寄装修取开兑转"
_ABLE: Final = re.compile(
    rf"(不可以?|不能再?|不支持|不得|无法|概不|不予|恕不|均?可以?|都?能够?|支持)"
    rf"(?:再|申请|全额|免费|随时|直接|办理|无理由)*([{_VERBS}])"
)
_PAYER: Final = re.compile(
    r"(?:由|归)?(我们|我司|商家|本店|顾客|客户|您|买家|自己)(?:自行|来)?"
    r"(?:承担|负担|自理|出)(?!.{0,4}责任)"
)
_NEGATIONS: Final = "不无概恕"
_OURS: Final = frozenset({"我们", "我司", "商家", "本店"})
_EXCLUDED: Final = re.compile(r"(?:不是|并非|非|不属于|没有)[^，,。；\s]{1,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A row or clause of the knowledge, or of the draft: what it speaks of and what it says.

    Attributes:
        row: it is a row of a table.
        record: it is a row of a csv file, whose units stand in the column's name.
        terms: words and Chinese bigrams, those of its stances left out; of a table row those of
            the cells before its first value.
        sharp: weekdays, codes, counted grades and row labels, which tell units apart for certain.
        claims: its claims.
        stances: what may be done and who pays, as (topic, answer).
    """

    row: bool = False
    record: bool = False
    terms: frozenset[str]
    sharp: frozenset[str]
    claims: tuple[Claim, ...]
    stances: frozenset[tuple[str, str]]


Placed = tuple[tuple[int, int], Unit]
"""A unit of the draft with its span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of the draft: whole, and its clauses with their spans in the draft."""

    whole: Unit
    clauses: tuple[Placed, ...]


def drafted(text: str) -> tuple[Sentence, ...]:
    """The sentences of a draft; the measures of a clause belong to what it speaks of."""
    return tuple(
        Sentence(
            whole=read(text[start:end]),
            clauses=tuple(
                ((first, last), replace(clause, sharp=clause.sharp | measures(clause.claims)))
                for first, last in clauses(text, start, end)
                for clause in (read(text[first:last]),)
            ),
        )
        for start, end in sentences(text)
    )


def units(passages: Sequence[Passage]) -> tuple[Unit, ...]:
    """The rows and clauses of the passages; a csv row is one whole."""
    return tuple(unit for passage in passages for unit in _of_passage(passage))


def _of_passage(passage: Passage) -> Iterator[Unit]:
    if ".csv" in passage.source:
        yield replace(read(passage.text), row=True, record=True)
        return
    for line in passage.text.split("\n"):
        if line.lstrip().startswith("|"):
            yield _row(line)
            continue
        for match in _SENTENCE.finditer(line):
            yield from _clauses(match.group())


def _row(line: str) -> Unit:
    """A table row, known by the cells before its first value; a measure there is part of it."""
    cells = line.strip().strip("|").split("|")
    label = " | ".join(takewhile(lambda cell: not _valued(cell), cells)) or cells[0]
    whole = read(line)
    sharp = whole.sharp | measures(claims(cells[0]))
    return replace(whole, row=True, terms=terms(folded(label)), sharp=sharp)


def _valued(cell: str) -> bool:
    return any(claim.kind in VALUES and not claim.weak for claim in claims(cell))


def _clauses(sentence: str) -> Iterator[Unit]:
    """The sentence whole where it takes one stance, and its clauses."""
    whole = read(sentence)
    topics = [topic for topic, _ in whole.stances]
    split = len(topics) != len(set(topics))
    if not split:
        yield replace(whole, claims=())
    for match in _CLAUSE.finditer(sentence):
        clause = read(match.group())
        yield clause if split else replace(clause, stances=frozenset())


def read(text: str) -> Unit:
    """``text`` as one unit."""
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
    subject = plain
    for match in (*able, *payer, *_EXCLUDED.finditer(plain)):
        blank = " " * (match.end() - match.start())
        subject = f"{subject[: match.start()]}{blank}{subject[match.end() :]}"
    return Unit(
        terms=terms(subject),
        sharp=frozenset(sharp | {match.group() for match in _COUNTED.finditer(plain)}),
        claims=found,
        stances=frozenset(stances),
    )


def measures(found: Sequence[Claim]) -> frozenset[str]:
    """Sizes and capacities among ``found``, as they label rows (500 Wh, 40 cm)."""
    return frozenset(
        f"{claim.unit}:{claim.value[0]}"
        for claim in found
        if claim.kind is Kind.NUMBER and claim.unit
    )


def terms(plain: str) -> frozenset[str]:
    """The stems and Chinese bigrams of a folded text."""
    words = {match.group()[:_STEM] for match in _WORD.finditer(plain)}
    for match in _HAN_RUN.finditer(plain):
        run = match.group()
        words.update(run[index : index + 2] for index in range(len(run) - 1))
    return frozenset(words)


def told_apart(others: Sequence[Unit], holders: Sequence[Unit], sentence: Unit) -> bool:
    """Whether the sentence has a word of one of ``others`` alone, and of no holder alone."""
    held = frozenset[str]().union(*(holder.terms for holder in holders))
    return any(
        (other.terms - held) & sentence.terms
        and not any((holder.terms - other.terms) & sentence.terms for holder in holders)
        for other in others
    )
