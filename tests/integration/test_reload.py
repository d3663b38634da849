"""Files edited under a running daemon: right ones are taken over, wrong ones never."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import DaemonProcess
from tests.raw_mail import raw_mail

KEPT = "Not taken over, the last good one stays"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path_factory.mktemp("reload"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def office(daemon: DaemonProcess) -> Iterator[Path]:
    """``office.toml``, put back as it was when the test is over."""
    file = daemon.directory / "office" / "office.toml"
    before = file.read_text("utf-8")
    yield file
    file.write_text(before, "utf-8")
    daemon.until(lambda: mailbox(daemon)["office"] == "Test Office" and notes(daemon) == [])


def mailbox(daemon: DaemonProcess) -> dict[str, Any]:
    (found,) = daemon.client.call("status")["mailboxes"]
    return dict(found)


def notes(daemon: DaemonProcess) -> list[str]:
    return list(daemon.client.call("status")["notes"])


def test_an_office_that_was_edited_is_taken_over(daemon: DaemonProcess, office: Path) -> None:
    text = office.read_text("utf-8").replace('"Test Office"', '"青河分店"')
    office.write_text(text, "utf-8")
    daemon.until(lambda: mailbox(daemon)["office"] == "青河分店")
    assert notes(daemon) == []
    daemon.deliver("signed", raw_mail(1))
    daemon.until(lambda: daemon.states() == ["drafted"])
    daemon.client.call("mail.approve", id=1)
    daemon.until(lambda: len(daemon.in_folder("Sent")) == 1)
    assert daemon.client.call("mail.show", id=1)["reply"]["text"].endswith("\n\n青河分店\n")


def test_an_office_that_is_replaced_by_a_rename_is_taken_over(
    daemon: DaemonProcess, office: Path
) -> None:
    fresh = office.with_suffix(".new")
    fresh.write_text(office.read_text("utf-8").replace('"Test Office"', '"Second Office"'))
    fresh.rename(office)
    daemon.until(lambda: mailbox(daemon)["office"] == "Second Office")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('nam = "Typo"\naddresses = ["desk@office.example.com"]\n', "Did you mean name?"),
        ('name = "Half', "office.toml"),
        ("", "name"),
    ],
)
def test_a_bad_edit_is_named_and_the_good_office_stays(
    daemon: DaemonProcess, office: Path, broken: str, said: str
) -> None:
    office.write_text(broken)
    daemon.until(lambda: any(said in note for note in notes(daemon)))
    assert all(note.startswith(KEPT) for note in notes(daemon))
    assert mailbox(daemon)["office"] == "Test Office"


def test_an_office_that_disappears_is_named_and_the_good_one_stays(
    daemon: DaemonProcess, office: Path
) -> None:
    text = office.read_text("utf-8")
    office.unlink()
    daemon.until(lambda: any(note.startswith(KEPT) for note in notes(daemon)))
    assert mailbox(daemon)["office"] == "Test Office"
    office.write_text(text, "utf-8")


def test_knowledge_that_was_edited_is_what_the_next_draft_rests_on(daemon: DaemonProcess) -> None:
    before = mailbox(daemon)["knowledge_version"]
    folder = daemon.directory / "office" / "knowledge"
    (folder / "parking.md").write_text("# Parking\n\n## Bicycles\n\nBicycles park in the yard.\n")
    daemon.until(lambda: mailbox(daemon)["knowledge_version"] != before)
    daemon.deliver("parking", raw_mail(2, text="Where can I park two bicycles?\n"))

    def drafts() -> list[dict[str, Any]]:
        known = [job["id"] for job in daemon.jobs() if job["subject"] == "Question 2"]
        return daemon.client.call("mail.show", id=known[0])["drafts"] if known else []

    daemon.until(lambda: bool(drafts()))
    (draft,) = drafts()
    assert "parking.md#Bicycles" in {passage["source"] for passage in draft["passages"]}
    assert draft["knowledge_version"] == mailbox(daemon)["knowledge_version"] != before


def test_appliance_toml_waits_for_a_restart_and_says_so(daemon: DaemonProcess) -> None:
    before = daemon.config.read_text("utf-8")
    daemon.config.write_text(before.replace("undo_seconds = 0.0", "undo_seconds = 77.0"))
    daemon.until(lambda: any("systemctl restart appliance" in note for note in notes(daemon)))
    daemon.config.write_text(before.replace("undo_seconds", "undo_second"))
    daemon.until(lambda: any("Did you mean undo_seconds?" in note for note in notes(daemon)))
    assert all(note.startswith(KEPT) for note in notes(daemon))
    daemon.config.write_text(before)
    daemon.until(lambda: notes(daemon) == [])
