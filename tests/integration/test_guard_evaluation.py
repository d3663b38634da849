"""The guard on the drafts of both evaluation offices (tests/evaluation/README.md)."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from appliance.cli.guard import Line, bench
from appliance.domain.verdict import Finding

EVALUATION: Final = Path(__file__).parents[1] / "evaluation"
SEVERE: Final = frozenset(
    {
        "promise",
        "unsupported_number",
        "unsupported_date",
        "unsupported_amount",
        "unsupported_contact",
    }
)
Judged = tuple[dict[str, Any], tuple[Finding, ...]]


@cache
def judged() -> tuple[Judged, ...]:
    """Every draft of the dev split with what the guard found."""
    found: list[Judged] = []
    for office in ("qinghe", "northgate"):
        split = EVALUATION / office / "dev"
        ready = bench(EVALUATION / office, split / "mails")
        for raw in (split / "drafts.jsonl").read_text("utf-8").splitlines():
            row = json.loads(raw)
            line = Line(
                id=row["id"],
                mail=row["mail"],
                draft=row["draft"],
                evidence=tuple(row["evidence"]),
            )
            found.append((row, ready.judge(line).findings))
    return tuple(found)


def share(rows: list[Judged]) -> float:
    """How many of the rows were flagged at all."""
    return sum(bool(findings) for _, findings in rows) / len(rows)


def test_planted_defects_are_found() -> None:
    assert share([row for row in judged() if row[0]["defects"]]) >= 0.92


def test_what_could_cost_the_office_money_is_found() -> None:
    assert share([row for row in judged() if SEVERE & set(row[0]["defects"])]) >= 0.97


def test_flawless_drafts_are_seldom_flagged() -> None:
    assert share([row for row in judged() if not row[0]["defects"]]) <= 0.08


def test_every_span_lies_within_its_draft() -> None:
    for row, findings in judged():
        for finding in findings:
            if finding.span is not None:
                begin, end = finding.span
                assert 0 <= begin < end <= len(row["draft"]), (row["id"], finding.rule)
