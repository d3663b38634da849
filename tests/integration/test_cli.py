"""The command line against a running daemon, in both languages and for scripts."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.app import run
from appliance.cli.words import words
from appliance.domain.job import State, Step
from appliance.mailbox import mime
from appliance.store.jobs import SqliteJobStore
from tests.daemon_process import ROOT, DaemonProcess
from tests.factories import draft, reply
from tests.raw_mail import raw_mail
from tests.real_model import RealClock

EVALUATION = Path(__file__).parents[1] / "evaluation"
ASKED = 12


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon with drafted mails, one skipped, one held, one parked, and two in doubt."""
    process = DaemonProcess(tmp_path_factory.mktemp("cli"), flow="undo_seconds = 600.0\n")
    for number in range(1, ASKED + 1):
        process.deliver(f"mail{number:02}", raw_mail(number))
    process.deliver("mail90", raw_mail(90, headers="List-Id: <news.customers.example>\n"))
    process.deliver("mail91", raw_mail(91, text="I demand 500 EUR, or my lawyer will sue you.\n"))
    process.deliver("mail92", raw_mail(92, text="What are your opening hours today? " * 4000))
    leave_in_doubt(process, (93, 94))
    process.start()
    ended = ["drafted"] * ASKED + ["held"] * 3 + ["parked", "skipped"]
    process.until(lambda: process.states() == ended)
    yield process
    process.stop()


def leave_in_doubt(daemon: DaemonProcess, numbers: tuple[int, ...]) -> None:
    """Mails whose reply may have left, as a mailbox that cannot tell would leave them."""
    store = SqliteJobStore.open(daemon.state, RealClock())
    for number in numbers:
        raw = raw_mail(number)
        daemon.deliver(f"mail{number}", raw)
        message = mime.read(raw, mailbox="desk", uid=f"mail{number}")
        job = store.enqueue(message)
        assert job is not None
        for step in (
            Step(to=State.SCREENED, note="Screened.", language="en"),
            Step(to=State.DRAFTED, note="Drafted.", draft=draft()),
            Step(to=State.APPROVED, note="Approved.", reply=reply(message)),
            Step(to=State.SENDING, note="Sending."),
            Step(to=State.HELD, note="Nobody can tell.", uncertain=True),
        ):
            store.apply(store.get(job), step, "daemon")
    store.close()


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


def test_a_parked_mail_is_tried_again(terminal: Terminal, daemon: DaemonProcess) -> None:
    parked = number(terminal, "parked")
    assert terminal.data("mail", "retry", parked)["state"] == "received"
    daemon.until(lambda: daemon.client.call("mail.show", id=parked)["state"] == "parked")
    assert f"Mail {parked} is received." in terminal("mail", "retry", parked)
    daemon.until(lambda: daemon.client.call("mail.show", id=parked)["state"] == "parked")


def test_a_reply_in_doubt_is_resolved_by_a_person_and_by_nothing_else(
    terminal: Terminal, daemon: DaemonProcess
) -> None:
    first, second = [
        row["id"]
        for row in terminal.data("mail", "list", "--state", "held")
        if row["subject"] in {"Question 93", "Question 94"}
    ]
    terminal("mail", "approve", first, status=2)
    assert f"mail resolve {first} --sent" in terminal.error
    with pytest.raises(SystemExit) as ended:
        terminal("mail", "resolve", first)
    assert ended.value.code == 2
    assert f"Mail {first} is sent." in terminal("mail", "resolve", first, "--sent")
    assert terminal.data("mail", "resolve", second, "--not-sent")["state"] == "drafted"
    assert not terminal.data("mail", "show", second)["uncertain"]
    # The person said so; nothing was sent for it.
    assert daemon.in_folder("Sent") == []


def test_a_list_is_read_on_from_where_it_ended(terminal: Terminal) -> None:
    page = terminal.data("mail", "list", "--limit", 3)
    further = terminal.data("mail", "list", "--limit", 3, "--before", page[-1]["id"])
    ids = [row["id"] for row in page + further]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 6
    assert terminal("mail", "list", "--before", 1).startswith("ID")
    assert terminal("mail", "list", "--before", 1, "--json") == ""


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_new_text_that_cannot_be_read_is_refused_with_a_sentence(
    terminal: Terminal, tmp_path: Path, content: bytes | None
) -> None:
    drafted = number(terminal, "drafted")
    before = terminal.data("mail", "show", drafted)["version"]
    file = tmp_path / "reply.txt"
    if content is not None:
        file.write_bytes(content)
    terminal("mail", "edit", drafted, "--file", file, status=2)
    assert terminal.error == (
        f"{file}: it cannot be read: No such file or directory.\n"
        if content is None
        else "The new text is not UTF-8.\n"
    )
    assert terminal.data("mail", "show", drafted)["version"] == before


def test_an_empty_text_and_one_that_is_too_long_are_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = number(terminal, "drafted")
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    terminal("mail", "edit", drafted, status=2)
    assert "reject the mail" in terminal.error
    monkeypatch.setattr(sys, "stdin", io.StringIO("Yes. " * 20_001))
    terminal("mail", "edit", drafted, status=2)
    assert "longer than 100000 characters" in terminal.error
    monkeypatch.setattr(sys, "stdin", io.StringIO("Yes. " * 300_000))
    terminal("mail", "edit", drafted, status=2)
    assert "too long" in terminal.error


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


CHINESE = {
    ("status",): "需要您处理",
    ("mail", "list", "--state", "drafted"): "已起草",
    ("mail", "show", "1"): "主题",
    ("pause", "--minutes", "5"): "起草已暂停",
    ("stop-sending",): "发送已停止",
    ("resume",): "正常",
    ("config", "check"): "配置正确",
    ("mail", "reject", "1"): "已驳回",
}


@pytest.mark.parametrize("line", CHINESE)
def test_each_verb_answers_a_chinese_reader(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...]
) -> None:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    assert CHINESE[line] in terminal(*line)


def test_a_script_reads_the_same_in_both_languages(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (("mail", "list"), ("mail", "show", 2), ("mail", "why", 2), ("config", "show"))
    english = [terminal.data(*line) for line in lines]
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    assert [terminal.data(*line) for line in lines] == english


def piped(daemon: DaemonProcess, stdout: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command line of its own process, as a shell would start it."""
    return subprocess.run(
        [sys.executable, "-m", "appliance", "--socket", str(daemon.socket), *arguments],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("status",), ("mail", "list"), ("mail", "list", "--json")])
def test_a_reader_who_has_enough_is_no_mistake(
    daemon: DaemonProcess, arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = piped(daemon, writing, *arguments)
    os.close(writing)
    assert ran.stderr == ""
    assert ran.returncode in ({0} if arguments[0] == "mail" else {0, 1})


def test_a_script_gets_lines_and_a_status_from_a_process(daemon: DaemonProcess) -> None:
    listed = piped(daemon, subprocess.PIPE, "mail", "list", "--limit", "2", "--json")
    assert [json.loads(line)["mailbox"] for line in listed.stdout.splitlines()] == ["desk"] * 2
    assert listed.returncode == 0
    assert piped(daemon, subprocess.PIPE, "mail", "show", "4711").returncode == 2


class Impatient(io.StringIO):
    """Somebody presses Ctrl-C instead of writing."""

    def read(self, size: int | None = -1, /) -> str:
        raise KeyboardInterrupt(size)


def test_an_interrupted_command_line_ends_as_shells_expect(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Impatient())
    terminal("mail", "edit", number(terminal, "drafted"), status=130)


def test_screening_tells_of_files_that_are_no_mails(terminal: Terminal, tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_bytes(raw_mail(1, headers="List-Id: <news.customers.example>\n"))
    absent = tmp_path / "absent.eml"
    first, second = terminal.data("mail", "screen", mail, absent, status=1)
    assert (first["route"], second["route"]) == ("skip", "hold")
    assert [finding["rule"] for finding in second["findings"]] == ["unreadable"]
    office = tmp_path / "none"
    terminal("mail", "screen", "--office", office, mail, status=2)
    assert str(office) in terminal.error


def test_without_a_daemon_a_sentence_says_what_to_do(terminal: Terminal, tmp_path: Path) -> None:
    terminal("--socket", tmp_path / "none.sock", "status", status=3)
    assert "appliance serve" in terminal.error


def test_a_missing_configuration_file_means_the_usual_socket(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal("--config", tmp_path / "none.toml", "status", status=3)
    assert "/run/appliance/control.sock" in terminal.error


def test_who_cannot_read_the_configuration_still_finds_the_usual_socket(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root can read everything, so what the kernel would say has to be said for it.
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.R_OK)
    terminal("mail", "list", status=3)
    assert "/run/appliance/control.sock" in terminal.error


def test_the_mistakes_of_an_office_are_shown_with_those_of_every_other(
    terminal: Terminal, daemon: DaemonProcess, tmp_path: Path
) -> None:
    config = tmp_path / "appliance.toml"
    text = daemon.config.read_text("utf-8")
    config.write_text(text.replace(str(daemon.directory / "office"), str(tmp_path)), "utf-8")
    (tmp_path / "office.toml").write_text('name = "Half"\n[rules]\nlist_mial = "skip"\n')
    said = terminal("--config", config, "config", "check", status=2)
    assert "Did you mean list_mail?" in said
    assert "addresses" in said
    assert not terminal.data("--config", config, "config", "check", status=2)["right"]
    terminal("--config", config, "config", "show", status=2)
    assert "list_mial" in terminal.error


def test_an_empty_reason_stays_empty_in_chinese(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    assert "Project-Id-Version" not in terminal("mail", "list")


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
