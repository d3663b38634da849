"""Rule: a true number said of the wrong thing contradicts a passage."""

from collections.abc import Iterator, Sequence

from appliance.domain.verdict import Finding
from appliance.guard.case import Case, review
from appliance.guard.claim import Claim, Kind
from appliance.guard.evidence import same
from appliance.guard.units import VALUES, Unit, told_apart


def misplaced(case: Case) -> Iterator[Finding]:
    """A value that the passages give only to something else.

    A finding needs a place in the knowledge with another value of the same kind that shares a word
    with the clause (or, where the clause is silent, its sentence), while every place with the
    draft's value shares nothing of its own.
    """
    for sentence in case.sentences:
        for (first, _), clause in sentence.clauses:
            for claim in clause.claims:
                if _checkable(claim, case) and _elsewhere(
                    claim, clause, sentence.whole, case.units
                ):
                    span = (first + claim.span[0], first + claim.span[1])
                    reason = "The passages say this of something else."
                    yield review("contradicts_evidence", reason, span)


def _checkable(claim: Claim, case: Case) -> bool:
    """What the customer said may be repeated, whatever else has the same value."""
    return claim.kind in VALUES and not claim.weak and not case.heard.supports(claim)


def _elsewhere(claim: Claim, clause: Unit, sentence: Unit, known: Sequence[Unit]) -> bool:
    """Whether the knowledge gives the value of ``claim`` only to what the draft is not about."""
    rivals = [
        unit for unit in known if any(_comparable(claim, other, unit) for other in unit.claims)
    ]
    holders = [unit for unit in rivals if any(same(claim, other) for other in unit.claims)]
    others = [unit for unit in rivals if not any(same(claim, other) for other in unit.claims)]
    if not holders:
        return False
    if any(other.sharp & clause.sharp for other in others):
        return all(holder.sharp and not holder.sharp & clause.sharp for holder in holders)
    if not all(holder.row for holder in holders):
        return False
    rows = [other for other in others if other.row]
    silent = not any(_own(unit, rivals) & clause.terms for unit in rivals)
    return told_apart(rows, holders, sentence if silent else clause)


def _own(unit: Unit, rivals: Sequence[Unit]) -> frozenset[str]:
    """The words by which ``unit`` differs from some rival."""
    return unit.terms - frozenset.intersection(*(rival.terms for rival in rivals))


def _comparable(claim: Claim, other: Claim, unit: Unit) -> bool:
    bare = unit.record and other.kind is Kind.NUMBER and not other.unit
    return bare or (claim.kind is other.kind and claim.unit == other.unit)
