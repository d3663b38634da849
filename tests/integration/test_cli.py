"""The command line against a running daemon, in both languages and for scripts."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.app import run
from appliance.cli.words import words
from tests.daemon_process import DaemonProcess
from tests.raw_mail import raw_mail

EVALUATION = Path(__file__).parents[1] / "evaluation"
ASKED = 12


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon with drafted mails, one that is skipped and one that is held."""
    process = DaemonProcess(tmp_path_factory.mktemp("cli"), flow="undo_seconds = 600.0\n")
    for number in range(1, ASKED + 1):
        process.deliver(f"mail{number:02}", raw_mail(number))
    process.deliver("mail90", raw_mail(90, headers="List-Id: <news.customers.example>\n"))
    process.deliver("mail91", raw_mail(91, text="I demand 500 EUR, or my lawyer will sue you.\n"))
    process.start()
    process.until(
        lambda: process.states().count("drafted") == ASKED and len(process.jobs()) == ASKED + 2
    )
    yield process
    process.stop()


class Terminal:
    """Runs a command line in this process; remembers what it printed."""

    def __init__(self, daemon: DaemonProcess, capture: pytest.CaptureFixture[str]) -> None:
        self._daemon = daemon
        self._capture = capture
        self.error = ""

    def __call__(self, *arguments: object, status: int = 0) -> str:
        self._capture.readouterr()
        ended = run(["--config", str(self._daemon.config), *(str(word) for word in arguments)])
        printed = self._capture.readouterr()
        self.error = printed.err
        assert ended == status, printed
        return printed.out

    def data(self, *arguments: object, status: int = 0) -> Any:
        lines = self(*arguments, "--json", status=status).splitlines()
        values = [json.loads(line) for line in lines]
        return values[0] if len(values) == 1 else values


@pytest.fixture
def terminal(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "en")
    monkeypatch.setenv("LANGUAGE", "")
    yield Terminal(daemon, capsys)
    words.choose("en")


def number(terminal: Terminal, state: str) -> int:
    """A mail in that state."""
    rows = terminal.data("mail", "list", "--state", state, "--limit", 1)
    return int(rows["id"])


def test_status_says_what_needs_a_person(terminal: Terminal) -> None:
    assert "NEEDS YOU" in terminal("status")
    page = terminal.data("status")
    assert page["verdict"] in {"idle", "working"}
    assert page["counts"]["drafted"] >= 1


def test_mails_are_listed_for_people_and_for_scripts(terminal: Terminal) -> None:
    table = terminal("mail", "list", "--limit", 5)
    assert table.startswith("ID")
    assert len(table.splitlines()) == 6
    assert len(terminal.data("mail", "list", "--limit", 5)) == 5
    terminal("mail", "list", "--state", "nowhere", status=2)
    assert "There are received" in terminal.error


def test_a_mail_is_shown_with_its_drafts_and_why(terminal: Terminal) -> None:
    drafted = number(terminal, "drafted")
    shown = terminal("mail", "show", drafted)
    assert "--- version 1 by engine" in shown
    assert "rests on: hours.md#Saturday" in shown
    assert terminal.data("mail", "show", drafted)["id"] == drafted
    assert "received" in terminal("mail", "why", drafted)
    assert terminal.data("mail", "why", drafted)["ledger"][0]["after"] == "received"
    assert "list_mail" in terminal("mail", "why", number(terminal, "skipped"))


def test_a_reply_is_approved_and_taken_back(terminal: Terminal) -> None:
    drafted = number(terminal, "drafted")
    assert "is approved" in terminal("mail", "approve", drafted, "--version", 1)
    assert terminal.data("mail", "undo", drafted)["state"] == "drafted"
    terminal("mail", "approve", drafted, "--version", 7, status=2)
    assert "not the newest" in terminal.error


def test_a_reply_is_edited_from_a_file_and_from_standard_input(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = number(terminal, "drafted")
    text = tmp_path / "reply.txt"
    text.write_text("We are open on Saturday from 9:00 to 13:00.", "utf-8")
    assert terminal.data("mail", "edit", drafted, "--file", text)["version"] == 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("周六九点开门。"))
    assert terminal.data("mail", "edit", drafted, "--version", 2)["version"] == 3


def test_a_mail_is_rejected_drafted_again_and_refused_what_makes_no_sense(
    terminal: Terminal, daemon: DaemonProcess
) -> None:
    drafted = number(terminal, "drafted")
    before = terminal.data("mail", "show", drafted)["version"]
    assert "is rejected" in terminal("mail", "reject", drafted, "--reason", "Phoned")
    assert terminal.data("mail", "redo", drafted, "--note", "Shorter")["state"] == "screened"
    daemon.until(lambda: daemon.client.call("mail.show", id=drafted)["version"] == before + 1)
    terminal("mail", "retry", drafted, status=2)
    terminal("mail", "resolve", drafted, "--not-sent", status=2)
    terminal("mail", "show", 4711, status=2)
    assert "There is no mail 4711." in terminal.error


def test_the_switches_are_turned_and_shown(terminal: Terminal) -> None:
    assert "drafting is paused" in terminal("pause", "--minutes", 5, "--why", "Stocktaking")
    assert "sending is stopped" in terminal("stop-sending")
    assert "Sending is stopped." in terminal("status")
    assert len(terminal.data("resume", "drafting")) == 1
    assert terminal("resume").startswith("Drafting and sending run.")


def test_the_configuration_is_checked_and_shown(terminal: Terminal, tmp_path: Path) -> None:
    assert "The configuration is right." in terminal("config", "check")
    assert terminal.data("config", "check") == {"right": True, "problems": []}
    assert "undo_seconds = 600.0" in terminal("config", "show")
    assert terminal.data("config", "show")["offices"]["desk"]["name"] == "Test Office"
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("stat = 1\n[flow]\nattempts = 0\n")
    said = terminal("--config", wrong, "config", "check", status=2)
    assert len(said.splitlines()) >= 3
    assert "Did you mean state?" in said
    terminal("--config", wrong, "config", "show", status=2)


def test_knowledge_guard_and_screen_need_no_daemon(
    terminal: Terminal, daemon: DaemonProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = daemon.directory / "office" / "knowledge"
    found = terminal.data("knowledge", "search", "--folder", folder, "open on Saturday?")
    assert found["source"] == "hours.md#Saturday"
    assert "hours.md#Saturday" in terminal("knowledge", "search", "--folder", folder, "Saturday")
    qinghe = EVALUATION / "qinghe"
    first = (qinghe / "dev" / "drafts.jsonl").read_text("utf-8").splitlines()[1]
    for extra in ([], ["--json"]):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{first}\n\nno json\n"))
        mails = qinghe / "dev" / "mails"
        judged = terminal("guard", "--office", qinghe, "--mails", mails, *extra, status=1)
        assert "promise" in judged
    assert "line 3" in terminal.error
    mail = EVALUATION / "northgate" / "dev" / "mails" / "0002.eml"
    assert "answer" in terminal("mail", "screen", mail)
    assert terminal.data("mail", "screen", mail)["language"] == "en"


def test_everything_is_said_in_chinese_too(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    assert "草稿" in terminal("status")
    assert "状态" in terminal("mail", "list", "--limit", 1)
    assert "转人工" in terminal("mail", "why", number(terminal, "held"))


def test_without_a_daemon_a_sentence_says_what_to_do(terminal: Terminal, tmp_path: Path) -> None:
    terminal("--socket", tmp_path / "none.sock", "status", status=3)
    assert "appliance serve" in terminal.error


def test_a_missing_configuration_file_means_the_usual_socket(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal("--config", tmp_path / "none.toml", "status", status=3)
    assert "/run/appliance/control.sock" in terminal.error


def test_the_whole_help_names_every_verb(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(["--help"])
    printed = capsys.readouterr().out
    assert all(verb in printed for verb in ("serve", "status", "mail", "guard", "demo", "resume"))


def test_the_demo_without_a_model_says_how_to_get_one(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    terminal("demo", status=2)
    assert "scripts/demo" in terminal.error
