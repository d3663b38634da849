"""The screen on the evaluation mails of both offices, read from their raw bytes: the bars."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from appliance.config.settings import Office
from appliance.config.toml import load_office
from appliance.domain.mail import Thread
from appliance.domain.verdict import Disposition, Facts
from appliance.mailbox import mime
from appliance.screen.chain import RULES, Case, judge
from appliance.screen.language import detect

EVALUATION = Path(__file__).parents[1] / "evaluation"
OFFICES = ("qinghe", "northgate")
ANSWERABLE = {"faq", "multi-question", "thread-follow-up", "signed"}
LEFT_ALONE = {
    "auto-reply",
    "bounce",
    "calendar",
    "encrypted",
    "injection",
    "mailing-list",
    "newsletter",
    "no-reply",
    "own-address",
    "read-receipt",
    "spam",
    "spoofed-sender",
    "ticket-ack",
}
NEEDS_KNOWLEDGE = {
    ("qinghe", "0012.eml"),
    ("qinghe", "0018.eml"),
    ("northgate", "0017.eml"),
    ("northgate", "0027.eml"),
    ("northgate", "0028.eml"),
}
"""Held by gold since the knowledge folder has no answer: the screen does not know the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One evaluation mail: gold and what the screen makes of it."""

    office: str
    name: str
    kind: str
    wanted: str
    route: str
    wanted_language: str
    language: str
    rules: frozenset[str]

    def __str__(self) -> str:
        return f"{self.office}/{self.name} {self.kind}: {self.route}, not {self.wanted}"


def _judge(place: str, office: Office, gold: dict[str, Any]) -> Judged:
    raw = (EVALUATION / place / "dev" / "mails" / gold["mail"]).read_bytes()
    message = mime.read(raw, mailbox=place, uid=gold["mail"])
    verdict = judge(
        Case(message=message, thread=Thread(messages=(message,)), office=office, facts=Facts())
    )
    return Judged(
        office=place,
        name=gold["mail"],
        kind=gold["kind"],
        wanted=gold["route"],
        route=verdict.disposition.route,
        wanted_language=gold["language"] if gold["question"] else "",
        language=detect(message.question, office.language),
        rules=frozenset(finding.rule for finding in verdict.findings),
    )


def _all() -> Iterator[Judged]:
    for place in OFFICES:
        office = load_office(EVALUATION / place, RULES)
        with (EVALUATION / place / "dev" / "gold.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                yield _judge(place, office, json.loads(line))


@lru_cache(maxsize=1)
def _judged() -> tuple[Judged, ...]:
    return tuple(_all())


def test_the_data_is_whole() -> None:
    wanted = Counter(each.wanted for each in _judged())
    assert wanted == {"answer": 37, "hold": 37, "skip": 16}


def test_mail_that_a_machine_must_leave_alone_is_never_answered() -> None:
    wrong = [str(each) for each in _judged() if each.kind in LEFT_ALONE and each.route == "answer"]
    assert wrong == []


def test_skipped_kinds_are_skipped() -> None:
    wrong = [str(each) for each in _judged() if each.wanted == "skip" and each.route != "skip"]
    assert wrong == []


@pytest.mark.parametrize("office", OFFICES)
def test_answerable_mail_is_answered(office: str) -> None:
    mails = [
        each
        for each in _judged()
        if each.office == office and each.kind in ANSWERABLE and each.wanted == "answer"
    ]
    wrong = [str(each) for each in mails if each.route != "answer"]
    assert len(wrong) <= 0.05 * len(mails), wrong


@pytest.mark.parametrize("office", OFFICES)
def test_the_routes_are_right_overall(office: str) -> None:
    mails = [
        each
        for each in _judged()
        if each.office == office and (office, each.name) not in NEEDS_KNOWLEDGE
    ]
    wrong = [str(each) for each in mails if each.route != each.wanted]
    assert len(wrong) <= 0.10 * len(mails), wrong


@pytest.mark.parametrize(
    "kind",
    [
        "complaint-legal",
        "refund-demand",
        "other-customer-data",
        "third-party",
        "order-status",
        "photo-only",
        "ambiguous",
    ],
)
def test_matters_for_a_person_are_held(kind: str) -> None:
    mails = [each for each in _judged() if each.kind == kind]
    assert mails
    assert [str(each) for each in mails if each.route != "hold"] == []


def test_the_language_of_the_reply_is_right() -> None:
    mails = [each for each in _judged() if each.wanted_language]
    wrong = [str(each) for each in mails if each.language != each.wanted_language]
    assert len(wrong) <= 0.02 * len(mails), wrong


def test_a_house_without_its_server_named_asks_for_approval_only() -> None:
    office = load_office(EVALUATION / "northgate", RULES)
    raw = (EVALUATION / "northgate" / "dev" / "mails" / "0001.eml").read_bytes()
    message = mime.read(raw, mailbox="n", uid="1")
    nameless = Office(name=office.name, addresses=office.addresses)
    verdict = judge(
        Case(message=message, thread=Thread(messages=(message,)), office=nameless, facts=Facts())
    )
    assert verdict.disposition is Disposition.REVIEW
