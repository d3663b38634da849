"""What the demo shows at its end: a row a mail, and what did not go as expected."""

from typing import Any

import pytest

from appliance.cli.demo import _print, _row, _summary
from appliance.cli.output import width

EXPECTED = {"a.eml": {"route": "answer"}, "b.eml": {"route": "skip"}, "c.eml": {"route": "hold"}}


def job(name: str, state: str, text: str | None = None) -> dict[str, Any]:
    draft = {"text": text, "tokens_per_second": 4.5, "seconds": 12.25}
    return {
        "mail": {"uid": name},
        "state": state,
        "findings": [{"rule": "list_mail"}, {"rule": "bounce"}] if state == "skipped" else [],
        "drafts": [draft] if text is not None else [],
    }


def rows() -> list[dict[str, Any]]:
    jobs = (
        job("a.eml", "held", "\n您好，\nwe open at nine."),
        job("b.eml", "skipped"),
        job("c.eml", "parked"),
    )
    return [_row(one, EXPECTED) for one in jobs]


def test_the_route_is_what_became_of_the_mail_and_a_held_draft_was_answered() -> None:
    assert [row["route"] for row in rows()] == ["answer", "skip", "hold"]
    assert _row(job("a.eml", "approved"), EXPECTED)["route"] == "answer"


def test_the_table_has_a_line_a_mail_with_the_first_line_of_its_draft(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _print(rows())
    _, title, first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("a.eml")
    assert width(first.partition("您好，")[0]) == width(title.partition("DRAFT BEGINS")[0])
    assert "list_mail, bounce" in second
    assert "parked" in third
    assert ("4.5" in first, "4.5" in third) == (True, False)


def test_a_demo_in_which_all_went_as_expected_ends_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _summary(rows(), EXPECTED, small=True) == 0
    assert "3 mails, 1 drafts, median 4.5 tokens/s." in capsys.readouterr().err


def test_a_demo_names_what_went_another_way_and_what_never_arrived(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = [_row(job("a.eml", "skipped"), EXPECTED), _row(job("c.eml", "held"), EXPECTED)]
    assert _summary(shown, EXPECTED, small=False) == 1
    said = capsys.readouterr().err
    assert "Not on the expected route: a.eml" in said
    assert "Reached no state: b.eml" in said
    assert "c.eml" not in said


def test_a_demo_without_any_draft_has_no_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _summary([], {}, small=False) == 0
    assert "0 mails, 0 drafts, median 0.0 tokens/s." in capsys.readouterr().err
