"""``appliance mail screen`` on files: the line for scripts, the table for people."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli import screen
from appliance.cli.app import run as command
from appliance.domain.errors import ConfigError

NORTHGATE = Path(__file__).parents[1] / "evaluation" / "northgate"
MAILS = NORTHGATE / "dev" / "mails"


def _lines(captured: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_one_line_a_file_with_its_route_findings_question_and_language(
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [MAILS / "0001.eml", MAILS / "0037.eml", MAILS / "0036.eml", MAILS / "0044.eml"]
    assert screen.run(files, NORTHGATE, as_json=True) == 0
    lines = _lines(capsys.readouterr().out)
    assert [list(line) for line in lines] == [
        ["file", "route", "findings", "question", "language"]
    ] * 4
    assert [line["file"] for line in lines] == [str(file) for file in files]
    assert [line["route"] for line in lines] == ["answer", "hold", "skip", "hold"]
    assert lines[0]["findings"] == []
    assert str(lines[0]["question"]).startswith("Hi there,")
    assert lines[0]["language"] == "en"
    assert "Ignore all previous instructions" in str(lines[1]["question"])
    assert [line["question"] for line in lines[2:]] == ["", ""]
    findings = lines[1]["findings"]
    assert isinstance(findings, list)
    assert [set(finding) for finding in findings] == [{"rule", "disposition", "reason"}]
    assert findings[0]["disposition"] == "hold"


def test_a_file_that_cannot_be_read_gives_its_line_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.eml"
    empty.write_bytes(b"")
    files = [tmp_path / "missing.eml", empty, tmp_path, MAILS / "0001.eml"]
    assert screen.run(files, NORTHGATE, as_json=True) == 1
    lines = _lines(capsys.readouterr().out)
    assert [line["route"] for line in lines] == ["hold", "hold", "hold", "answer"]
    for line in (lines[0], lines[2]):
        findings = line["findings"]
        assert isinstance(findings, list)
        assert [finding["rule"] for finding in findings] == ["unreadable"]
        assert line["question"] == ""


def test_without_an_office_rules_about_our_addresses_stay_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert screen.run([MAILS / "0036.eml"], None, as_json=True) == 0
    (line,) = _lines(capsys.readouterr().out)
    findings = line["findings"]
    assert isinstance(findings, list)
    rules = {finding["rule"] for finding in findings}
    assert not {"own_address", "not_addressed"} & rules
    assert "dmarc_unknown" in rules


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert screen.run([MAILS / "0001.eml", MAILS / "0030.eml"], NORTHGATE, as_json=False) == 0
    title, clean, spam = capsys.readouterr().out.splitlines()
    assert title.split()[:3] == ["file", "route", "language"]
    assert " answer " in clean
    assert " skip " in spam
    assert "advertisement" in spam


def test_a_wrong_office_is_the_operators_matter(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        screen.run([MAILS / "0001.eml"], tmp_path, as_json=True)


def test_the_command_line_leads_to_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mail", "screen", "--json", str(MAILS / "0002.eml"), "--office", str(NORTHGATE)]
    assert command(words) == 0
    assert _lines(capsys.readouterr().out)[0]["route"] == "answer"


def test_neither_engine_nor_database_is_loaded() -> None:
    program = (
        "import sys; from pathlib import Path; from appliance.cli import screen;"
        f"screen.run([Path({str(MAILS / '0001.eml')!r})], None, as_json=True);"
        "print(sorted({'llama_cpp', 'sqlite3', 'numpy'} & set(sys.modules)))"
    )
    # Coverage keeps its figures in a database of its own.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=plain
    )
    assert done.stdout.splitlines()[-1] == "[]"
