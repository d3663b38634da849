"""Rule: where a mail asks for a figure that the passages hold, the draft gives one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.claim import Kind
from appliance.guard.fold import folded


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A sort of question, the claims that answer it, and words that answer it as well."""

    question: re.Pattern[str]
    kinds: frozenset[Kind]
    words: re.Pattern[str]


_ASKED: Final = (
    _Asked(
        question=re.compile(
            r"多少钱|多少元|抵多少|费用是?多少|怎么收(?:费)?|什么价|how much\b|what (?:does|do"
            r"|would|will|is)[^?\n]{0,40}"
            r"\b(?:cost|price|fee|charge)\b|\bwie ?viel kostet|\bwas (?:kostet"
            r"|würde[^?\n]{0,20} kosten)"
            r"|\bcombien (?:coûte|ça coûte)|\bcuánto (?:cuesta|cuestan|vale|sale)"
        ),
        kinds=frozenset({Kind.AMOUNT, Kind.PERCENTAGE, Kind.DISCOUNT, Kind.NUMBER}),
        words=re.compile(
            r"免费|不收|含在|包含|free|no charge|included|nothing|kostenlos|gratis|inbegriffen"
            r"|gratuit|inclu"
        ),
    ),
    _Asked(
        question=re.compile(
            r"多久|几天|多长时间|几点|什么时候|哪天|何时|how long\b|how late\b|what time\b|how "
            r"soon\b|\bwie lange\b|\bbis wann\b|\bab wann\b"
            r"|\bcombien de temps\b|\bjusqu'à quand\b|\bcuánto (?:tarda|tiempo)|\ben cuántos días"
        ),
        kinds=frozenset({Kind.DURATION, Kind.TIME, Kind.DATE, Kind.WEEKDAY}),
        words=re.compile(
            r"随时|当场|立即|长期|immediately|at once|same day|while you wait|any time|sofort"
            r"|jederzeit|unbegrenzt|tout de suite|en el acto"
        ),
    ),
)
_LATER: Final = re.compile(
    r"核实|查(?:询|到|证)|同事|转交|稍后|再(?:答复|回复)|colleague|look into|get back|find out"
    r"|kolleg\w+|klären|melden uns|collègue|compañer"
)


def missing_answer(case: Case) -> Iterator[Finding]:
    """A figure is asked for and known, and the draft neither gives one nor says who will."""
    newest = case.thread.newest
    question = folded(newest.question or newest.text)
    if _LATER.search(case.plain):
        return
    given = {claim.kind for claim in case.claims}
    held = {claim.kind for claim in case.knowledge.claims if not claim.weak}
    for asked in _ASKED:
        open_ = asked.question.search(question) and asked.kinds & held - {Kind.NUMBER}
        if open_ and not (given & asked.kinds or asked.words.search(case.plain)):
            reason = "The mail asks for a figure that the passages hold; the draft gives none."
            yield review("missing_answer", reason)
