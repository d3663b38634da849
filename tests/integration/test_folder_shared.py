"""A Maildir that others use too: mail programs that send from it, and a second appliance."""

import errno
import fcntl
import mailbox
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.domain.errors import AlreadyRunning
from appliance.domain.mail import Cursor
from appliance.domain.verdict import Disposition
from appliance.mailbox.folder import FolderMailbox, prepare
from tests.daemon_process import DaemonProcess
from tests.factories import message, reply
from tests.fakes import FakeClock
from tests.raw_mail import raw_mail


class Sleeper:
    """A waiter for mailboxes that are never waited for."""

    def wait(self, seconds: float) -> bool:
        return False

    def wake(self) -> None:
        pass


def opened(root: Path) -> FolderMailbox:
    prepare(root, name="north")
    return FolderMailbox(name="north", path=root, waiter=Sleeper(), clock=FakeClock())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mail"


HOLDING = """
import os, sys, time
from pathlib import Path
from tests.integration.test_folder_shared import opened

box = opened(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(root: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(root)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


# A second appliance


def test_a_second_appliance_is_refused_until_the_first_is_gone_even_killed(root: Path) -> None:
    with another_process(root) as process:
        with pytest.raises(AlreadyRunning, match="answer everything twice"):
            opened(root)
        process.send_signal(signal.SIGKILL)
        process.wait()
        opened(root).close()


def test_one_that_was_closed_lets_another_have_it_and_takes_it_again_when_used(root: Path) -> None:
    first = opened(root)
    first.close()
    first.close()
    second = opened(root)
    with pytest.raises(AlreadyRunning):
        first.fetch(None, 1)
    second.close()
    assert first.fetch(None, 1).messages == ()
    with pytest.raises(AlreadyRunning):
        second.send(reply(), lambda: None)
    assert list((root / "Sent" / "new").iterdir()) == []


def test_who_is_refused_removes_nothing_that_the_holder_is_writing(root: Path) -> None:
    opened(root)
    half = root / "Sent" / "tmp" / f"R{'0' * 32}.appliance"
    half.write_bytes(b"half of a mail")
    with pytest.raises(AlreadyRunning):
        opened(root)
    assert half.exists()


def test_a_lock_file_that_somebody_removed_is_made_again(root: Path) -> None:
    box = opened(root)
    (root / ".appliance.lock").unlink()
    box.fetch(None, 1)
    with pytest.raises(AlreadyRunning):
        opened(root)


def test_a_file_system_without_locks_can_be_used(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert opened(root).fetch(None, 1).messages == ()


def test_a_second_daemon_on_the_same_folder_does_not_start_and_says_why(tmp_path: Path) -> None:
    first = DaemonProcess(tmp_path / "first")
    second = DaemonProcess(tmp_path / "second")
    second.config.write_text(second.config.read_text().replace(str(second.mail), str(first.mail)))
    first.start()
    second.start(wait=False)
    assert second.process is not None
    assert second.process.wait(60) != 0
    said = second.log.read_text()
    assert f"another appliance answers {first.mail}" in said
    assert "Traceback" not in said
    first.kill()
    second.start()
    assert second.stop() == 0


# What people send


def test_a_mail_that_a_person_answers_from_a_mail_program_is_closed_and_not_answered_twice(
    tmp_path: Path,
) -> None:
    daemon = DaemonProcess(tmp_path, flow="undo_seconds = 600.0\n")
    daemon.start()
    daemon.deliver("mail1", raw_mail(1))
    daemon.until(lambda: len(daemon.in_folder("Drafts")) == 1)
    daemon.client.call("mail.approve", id=1)
    (copy,) = daemon.in_folder("Drafts")
    text = copy.read_bytes().replace(b"have received it", b"got it", 1)
    mailbox.Maildir(daemon.mail / "Sent", create=False).add(
        text.replace(b"\nMessage-ID: <", b"\nMessage-ID: <outlook-", 1)
    )
    daemon.until(lambda: daemon.states() == ["sent"])
    daemon.until(lambda: [path.name for path in daemon.in_folder("Handled")] == ["mail1:2,RS"])
    shown = daemon.client.call("mail.show", id=1)
    assert [draft["author"] for draft in shown["drafts"]] == ["engine", "mail program"]
    assert 0 < shown["drafts"][1]["distance"] < 0.3
    assert daemon.client.call("mail.why", id=1)["ledger"][-1]["actor"] == "mail program"
    assert len(daemon.in_folder("Sent")) == 1
    assert daemon.in_folder("Drafts") == []
    assert daemon.stop() == 0


def sent_by_hand(root: Path, number: int) -> Path:
    sent = mailbox.Maildir(root / "Sent", create=False)
    headers = f"In-Reply-To: <original-{number}@customers.example>\n"
    return root / "Sent" / "new" / sent.add(raw_mail(number, headers=headers))


def seen(box: FolderMailbox, since: Cursor | None = None) -> list[str]:
    return [one.id.partition("@")[0] for one in box.fetch_sent(since, 50).messages]


def test_what_people_sent_comes_in_batches_and_our_own_does_not(root: Path) -> None:
    box = opened(root)
    box.send(reply(message()), lambda: None)
    for number in range(5):
        sent_by_hand(root, number)
    first = box.fetch_sent(None, 3)
    assert [one.id.partition("@")[0] for one in first.messages] == [
        f"question-{number}" for number in range(3)
    ]
    assert seen(box, first.cursor) == ["question-3", "question-4"]
    last = box.fetch_sent(first.cursor, 3)
    assert box.fetch_sent(last.cursor, 3).cursor == last.cursor


def test_a_mail_that_is_filed_under_an_old_date_is_not_missed(root: Path) -> None:
    box = opened(root)
    sent_by_hand(root, 1)
    cursor = box.fetch_sent(None, 50).cursor
    path = sent_by_hand(root, 2)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert seen(box, cursor) == ["question-2"]


def test_a_draft_that_a_mail_program_moved_among_the_sent_mail_is_seen(root: Path) -> None:
    box = opened(root)
    sent_by_hand(root, 1)
    cursor = box.fetch_sent(None, 50).cursor
    answer = reply(message())
    box.save_draft(answer)
    (draft,) = (root / "Drafts" / "new").iterdir()
    draft.rename(root / "Sent" / "cur" / f"{draft.name}:2,S")
    (sent,) = box.fetch_sent(cursor, 50).messages
    assert sent.id == answer.id
    assert sent.in_reply_to == answer.in_reply_to


def test_a_name_that_is_no_text_makes_a_cursor_that_is(root: Path) -> None:
    box = opened(root)
    path = sent_by_hand(root, 1)
    path.rename(path.with_name(os.fsdecode(b"\xff\xfe")))
    batch = box.fetch_sent(None, 50)
    assert len(batch.messages) == 1
    assert batch.cursor is not None
    assert batch.cursor.isascii()
    assert seen(box, batch.cursor) == []


def test_a_cursor_nobody_understands_is_like_none(root: Path) -> None:
    box = opened(root)
    sent_by_hand(root, 1)
    assert seen(box, Cursor("of another mailbox")) == ["question-1"]


def test_at_the_first_look_what_is_long_past_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened(root)
    first, second = sent_by_hand(root, 1), sent_by_hand(root, 2)
    # No program can set a status time, but each change renews it.
    while second.stat().st_ctime_ns <= first.stat().st_ctime_ns + 1:
        second.chmod(0o600)
    monkeypatch.setattr("appliance.mailbox.folder._RECENT_NANOSECONDS", 1)
    assert seen(box) == ["question-2"]


def test_an_answered_mail_is_marked_as_answered_where_it_lies_already(root: Path) -> None:
    box = opened(root)
    mailbox.Maildir(root, create=False).add(raw_mail(1))
    (question,) = box.fetch(None, 1).messages
    box.file(question, Disposition.PASS)
    answer = reply(question)
    box.send(answer, lambda: None)
    for _ in range(2):
        box.file(question, Disposition.PASS, answer)
        assert [path.name for path in (root / "Handled" / "cur").iterdir()] == [
            f"{question.uid}:2,RS"
        ]


def test_a_copy_that_a_person_removed_stays_removed(root: Path) -> None:
    box = opened(root)
    mailbox.Maildir(root, create=False).add(raw_mail(1))
    (question,) = box.fetch(None, 1).messages
    answer = reply(question, date=question.date and question.date + timedelta(minutes=1))
    box.send(answer, lambda: None)
    (copy,) = (root / "Sent" / "new").iterdir()
    copy.unlink()
    box.file(question, Disposition.PASS, answer)
    assert list((root / "Sent" / "new").iterdir()) == []
