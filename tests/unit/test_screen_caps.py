"""How much may leave without a person, and mails before and after."""

from dataclasses import replace

import pytest

from appliance.config.settings import Caps
from appliance.domain.verdict import Disposition, Facts
from tests.screen_cases import NORTHGATE, case, found

STOP, HOLD, REVIEW = Disposition.STOP, Disposition.HOLD, Disposition.REVIEW


@pytest.mark.parametrize(
    ("facts", "rule", "disposition"),
    [
        (Facts(duplicate=True), "duplicate", STOP),
        (Facts(superseded=True), "superseded", STOP),
        (Facts(seconds_since_answer=119.0), "quick_answer", STOP),
        (Facts(seconds_since_answer=0.0), "quick_answer", STOP),
        (Facts(stopped=True), "thread_stopped", REVIEW),
        (Facts(answers_automatic=True), "answers_automatic", HOLD),
        (Facts(thread_answers=1), "thread_cap", REVIEW),
        (Facts(sender_answers_today=3), "sender_cap", REVIEW),
        (Facts(answers_last_hour=20), "hourly_breaker", REVIEW),
    ],
)
def test_each_fact_has_its_rule(facts: Facts, rule: str, disposition: Disposition) -> None:
    assert found(case(facts=facts)) == {rule: disposition}


@pytest.mark.parametrize(
    "facts",
    [
        Facts(seconds_since_answer=120.0),
        Facts(sender_answers_today=2),
        Facts(answers_last_hour=19),
    ],
)
def test_below_the_caps_nothing_is_said(facts: Facts) -> None:
    assert found(case(facts=facts)) == {}


def test_the_caps_are_the_offices() -> None:
    office = replace(NORTHGATE, caps=Caps(per_thread=2, per_sender_per_day=1, per_hour=5))
    assert found(case(office=office, facts=Facts(thread_answers=1))) == {}
    assert "sender_cap" in found(case(office=office, facts=Facts(sender_answers_today=1)))
    assert "hourly_breaker" in found(case(office=office, facts=Facts(answers_last_hour=5)))
