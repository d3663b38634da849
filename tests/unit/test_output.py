"""Columns of a terminal: wide signs, what is cut, what has no value; and the exit statuses."""

import json
from typing import Any

import pytest

from appliance.cli.app import _status
from appliance.cli.output import fitted, print_json, print_table, width
from appliance.cli.status import print_page
from appliance.cli.words import Words, language_of, words
from appliance.domain.errors import (
    ApplianceError,
    Conflict,
    DaemonUnreachable,
    DiskFull,
    ModelUnusable,
)


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("周六", 4), ("周六 9:00", 9), ("ＡＢ", 4), ("é", 1)]
)
def test_a_wide_sign_takes_two_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 4, "abc…"),
        ("周六营业", 8, "周六营业"),
        ("周六营业吗", 8, "周六营… "),
        ("周六营业吗", 7, "周六营…"),
        ("two\nlines  here", 20, "two lines here      "),
        ("周", 1, "…"),
    ],
)
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, columns: int, shown: str) -> None:
    assert fitted(text, columns) == shown
    assert width(fitted(text, columns)) == columns


def test_columns_stay_aligned_below_wide_signs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": 1, "subject": "营业时间", "state": "drafted"}, {"id": 2, "state": "held"}]
    print_table(rows, (("id", "ID", 4), ("subject", "SUBJECT", 10), ("state", "STATE", 8)))
    title, first, second = capsys.readouterr().out.splitlines()
    assert width(title.partition("STATE")[0]) == 18
    assert width(first.partition("drafted")[0]) == 18
    assert second == "2                 held"


def test_json_is_one_line_of_readable_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": "周六\n九点"})
    printed = capsys.readouterr().out
    assert printed == '{"text": "周六\\n九点"}\n'
    assert json.loads(printed) == {"text": "周六\n九点"}


def test_nothing_to_say_is_nothing_in_every_language() -> None:
    chinese = Words()
    chinese.choose("zh-Hans")
    try:
        assert chinese("") == ""
        assert chinese("SUBJECT") == "主题"
        assert chinese("nobody translated this") == "nobody translated this"
    finally:
        words.choose("en")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-Hans"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "APPLIANCE_LANGUAGE": "zh-Hans"}, "zh-Hans"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh-Hans"),
    ],
)
def test_the_language_is_the_first_that_the_environment_names(
    environment: dict[str, str], language: str
) -> None:
    assert language_of(environment) == language


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("It moved."), 2),
        (ModelUnusable("There is none."), 2),
        (DaemonUnreachable("Nobody answers."), 3),
        (DiskFull("No room."), 75),
        (ApplianceError("Something else."), 75),
    ],
)
def test_the_exit_status_says_who_must_act(error: ApplianceError, status: int) -> None:
    assert _status(error) == status


def page(**changes: Any) -> dict[str, Any]:
    """A status page as the daemon answers it, with nothing to do and nothing known."""
    quiet = {
        "version": "1",
        "verdict": "idle",
        "now": "2026-03-02T12:00:00+00:00",
        "mailboxes": [],
        "engine": {"loaded": False},
        "now_drafting": [],
        "counts": dict.fromkeys(("drafted", "held", "parked", "sent", "skipped", "rejected"), 0),
        "waiting": 0,
        "troubles": [],
        "switches": [],
        "notes": [],
        "host": {},
    }
    return quiet | changes


def shown(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    print_page(page(**changes))
    return capsys.readouterr().out.splitlines()


def test_a_quiet_page_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys)
    assert lines[0] == "[OK] Nothing to do.  appliance 1"
    assert "not loaded yet" in lines[-1]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("trouble", "Something is wrong."),
        ("sending stopped", "Sending is stopped."),
        ("paused", "Drafting is paused."),
        ("working", "Working."),
    ],
)
def test_every_verdict_has_its_sentence(
    capsys: pytest.CaptureFixture[str], verdict: str, said: str
) -> None:
    assert said in shown(capsys, verdict=verdict)[0]


@pytest.mark.parametrize(
    ("since", "age"),
    [
        ("2026-03-02T11:59:18+00:00", "42 s"),
        ("2026-03-02T11:50:00+00:00", "10 min"),
        ("2026-03-01T11:00:00+00:00", "25 h"),
        ("2026-03-02T12:30:00+00:00", "0 s"),
        ("2026-03-02T19:30:00+08:00", "30 min"),
    ],
)
def test_a_trouble_says_how_long_it_lasts(
    capsys: pytest.CaptureFixture[str], since: str, age: str
) -> None:
    trouble = {"part": "engine", "reason": "There is no model file.", "since": since}
    lines = shown(capsys, troubles=[trouble])
    assert lines[0].startswith("[!]")
    assert lines[1] == f" [X] engine: There is no model file. ({age})"


def test_a_full_page_tells_of_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    mailbox = {
        "name": "客服",
        "office": "青河",
        "contact": "late",
        "last_contact": None,
        "automatic": False,
    }
    other = {
        "name": "desk",
        "office": "Northgate",
        "contact": "ok",
        "last_contact": "2026-03-02T11:59:50+00:00",
        "automatic": True,
    }
    mebibyte = 1024 * 1024
    told = "\n".join(
        shown(
            capsys,
            mailboxes=[mailbox, other],
            engine={"loaded": True, "name": "small", "slots": 2, "context": 4096},
            now_drafting=[{"id": 7, "tokens": 12, "of": 400, "seconds": 3.5}],
            notes=["prices.pdf is not read."],
            host={
                "cpu_celsius": 61.25,
                "own_memory": 90 * mebibyte,
                "memory_used": 3000 * mebibyte,
                "memory_total": 8000 * mebibyte,
                "disk_total": 64_000 * mebibyte,
                "disk_free": 512 * mebibyte,
            },
        )
    )
    for part in (
        "[!] prices.pdf is not read.",
        " [!] 客服",
        " [OK] desk ",
        "not yet",
        "a person approves",
        "sends by itself",
        "small, 2 × 4096 tokens",
        "mail 7: 12/400 tokens, 3.5 s",
        "CPU 61.2 °C · RSS 90 MiB · memory 3000/8000 MiB · disk 512 MiB free",
    ):
        assert part in told
