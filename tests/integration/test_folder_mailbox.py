"""The folder mailbox on a real disk: people's files, other programs, full and vanished disks."""

import mailbox
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.domain.draft import Evidence
from appliance.domain.errors import DiskFull, MailboxUnreachable
from appliance.domain.mail import Cursor, Message, MessageId
from appliance.domain.verdict import Disposition
from appliance.mailbox.folder import FolderMailbox, prepare
from appliance.mailbox.inbox import Inbox
from appliance.mailbox.maildir import Folder, Maildir, MailFile
from appliance.mailbox.references import References
from tests.factories import reply
from tests.fakes import FakeClock
from tests.raw_mail import raw_mail

NOBODY = 65_534
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Sleeper:
    """A waiter that remembers how long it was to sleep."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.asked.append(seconds)
        return False

    def wake(self) -> None:
        self.asked.append(0.0)


class Box:
    """A folder mailbox whose own clock stands still, long before the files were written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock(LONG_AGO)
        self.sleeper = Sleeper()
        prepare(root, name="north")
        self.mailbox = FolderMailbox(name="north", path=root, waiter=self.sleeper, clock=self.clock)

    def drop(self, where: str, raw: bytes) -> Path:
        path = self.root / where
        path.write_bytes(raw)
        return path

    def pass_two_seconds(self) -> None:
        self.clock.advance(timedelta(seconds=2))

    def fetch(self, since: Cursor | None = None) -> list[Message]:
        return list(self.mailbox.fetch(since, 50).messages)

    def ids(self) -> list[str]:
        return [message.id for message in self.fetch()]

    def files(self, folder: str) -> list[str]:
        return sorted(
            path.name for place in ("new", "cur") for path in (self.root / folder / place).iterdir()
        )


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "mail")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("A small disk can be mounted by root only.")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return ballast


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so it steps down."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


# What people drop


def test_a_file_dropped_into_the_folder_is_taken_once_it_lies_still(box: Box) -> None:
    box.drop("询价.eml", raw_mail(1))
    assert box.ids() == []
    box.clock.advance(timedelta(seconds=1.9))
    assert box.ids() == []
    box.clock.advance(timedelta(seconds=0.1))
    assert box.ids() == ["question-1@customers.example"]
    assert list(box.root.glob("*.eml")) == []


def test_a_file_that_grows_is_left_alone(box: Box) -> None:
    path = box.drop("mail.EML", raw_mail(1)[:200])
    for _ in range(3):
        assert box.ids() == []
        box.pass_two_seconds()
        with path.open("ab") as stream:
            stream.write(b"more\r\n")
    assert box.ids() == []
    box.pass_two_seconds()
    assert len(box.ids()) == 1


def test_a_file_that_was_written_long_ago_is_taken_at_once(box: Box) -> None:
    box.drop("mail.eml", raw_mail(1))
    box.clock.set_by_hand(datetime.now(UTC) + timedelta(seconds=3))
    assert len(box.ids()) == 1


def test_two_files_of_one_name_are_two_mails(box: Box) -> None:
    for number in (1, 2):
        box.drop("mail.eml", raw_mail(number))
        box.fetch()
        box.pass_two_seconds()
        box.fetch()
    messages = box.fetch()
    assert {message.id for message in messages} == {
        "question-1@customers.example",
        "question-2@customers.example",
    }
    assert len({message.uid for message in messages}) == 2


def test_the_name_a_person_gave_is_not_kept(box: Box) -> None:
    box.drop("Refund for Ida Sample.eml", raw_mail(1))
    box.fetch()
    box.pass_two_seconds()
    (message,) = box.fetch()
    assert "Ida" not in message.uid
    assert message.uid.isascii()


def test_a_name_in_new_becomes_the_key_unless_it_is_taken(box: Box) -> None:
    for number in (1, 2):
        box.drop("new/mail.eml", raw_mail(number))
        box.fetch()
        box.pass_two_seconds()
        for message in box.fetch():
            box.mailbox.file(message, Disposition.PASS)
    first, second = sorted(box.files("Handled"), key=len)
    assert first == "mail.eml:2,S"
    assert second.endswith(".dropped:2,S")


def test_a_name_that_cannot_be_a_key_is_replaced(box: Box) -> None:
    box.drop("cur/询价 1.eml", raw_mail(1))
    (box.root / "new" / os.fsdecode(b"\xff\xfe")).write_bytes(raw_mail(2))
    box.fetch()
    box.pass_two_seconds()
    messages = box.fetch()
    assert len(messages) == 2
    assert all(message.uid.isascii() for message in messages)


def test_a_file_from_the_seventies_has_a_key_too(box: Box) -> None:
    path = box.drop("old.eml", raw_mail(1))
    os.utime(path, (5, 5))
    box.fetch()
    box.pass_two_seconds()
    assert len(box.ids()) == 1
    assert len(box.ids()) == 1


def test_while_a_file_settles_the_wait_is_short_and_says_look(box: Box) -> None:
    assert not box.mailbox.wait(timedelta(seconds=60))
    box.drop("mail.eml", raw_mail(1))
    box.fetch()
    assert box.mailbox.wait(timedelta(seconds=60))
    assert box.mailbox.wait(timedelta(seconds=1))
    box.mailbox.wake()
    assert box.sleeper.asked == [60.0, 2.0, 1.0, 0.0]


def test_what_is_no_mail_is_left_where_it_lies(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("Message-ID: <secret@example.com>\n\n")
    (box.root / "new" / "1700000000.link.host").symlink_to(secret)
    (box.root / "link.eml").symlink_to(secret)
    (box.root / "new" / "1700000000.directory.host").mkdir()
    box.drop("new/.1700000000.hidden.host", raw_mail(1))
    box.drop("notes.txt", b"notes")
    box.fetch()
    box.pass_two_seconds()
    assert box.ids() == []
    assert (box.root / "link.eml").is_symlink()
    assert (box.root / "notes.txt").exists()


# What cannot be read


def test_a_mail_beyond_the_limit_is_reported_and_stays(box: Box) -> None:
    path = box.drop("new/1700000000.large.host", raw_mail(1))
    with path.open("ab") as stream:
        stream.truncate(20 * 1024 * 1024 + 1)
    batch = box.mailbox.fetch(None, 10)
    assert batch.messages == ()
    ((uid, sentence),) = batch.unreadable
    assert uid == "1700000000.large.host"
    assert "20 MB" in sentence
    assert path.exists()
    assert box.mailbox.fetch(batch.cursor, 10).unreadable == ()


def test_a_mail_at_the_limit_is_read(box: Box) -> None:
    raw = raw_mail(1)
    box.drop("new/1700000000.large.host", raw + b"x" * (20 * 1024 * 1024 - len(raw)))
    assert len(box.ids()) == 1


def test_a_file_without_permission_is_reported_and_hides_no_other() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "mail"
        box = Box(root)
        box.drop("new/1700000001.closed.host", raw_mail(1)).chmod(0)
        box.drop("new/1700000002.open.host", raw_mail(2)).chmod(0o644)
        for path in (Path(directory), *root.rglob("*"), root):
            if path.is_dir():
                path.chmod(0o777)
        with as_nobody():
            batch = box.mailbox.fetch(None, 10)
        assert [message.uid for message in batch.messages] == ["1700000002.open.host"]
        ((uid, sentence),) = batch.unreadable
        assert uid == "1700000001.closed.host"
        assert "Permission denied" in sentence
        assert "drop a copy" in sentence


# What other programs do meanwhile


def test_a_mail_program_that_marks_a_mail_as_read_makes_no_new_mail(box: Box) -> None:
    path = box.drop("new/1700000000.one.host", raw_mail(1))
    batch = box.mailbox.fetch(None, 10)
    path.rename(box.root / "cur" / "1700000000.one.host:2,FS")
    assert box.mailbox.fetch(batch.cursor, 10).messages == ()
    box.mailbox.file(batch.messages[0], Disposition.HOLD)
    assert box.files("Held") == ["1700000000.one.host:2,FS"]
    box.mailbox.file(batch.messages[0], Disposition.STOP)
    assert box.files("Skipped") == ["1700000000.one.host:2,FS"]


def test_what_waits_for_a_person_is_not_marked_as_read(box: Box) -> None:
    box.drop("new/1700000000.one.host", raw_mail(1))
    (message,) = box.fetch()
    box.mailbox.file(message, Disposition.HOLD)
    assert box.files("Held") == ["1700000000.one.host:2,"]
    box.mailbox.file(message, Disposition.PASS)
    assert box.files("Handled") == ["1700000000.one.host:2,S"]


def test_a_mail_that_was_offered_and_then_not_found_is_offered_again(box: Box) -> None:
    box.drop("new/1700000000.one.host", raw_mail(1))
    inbox = Inbox(Maildir(name="north", root=box.root))
    files, cursor = inbox.offer(None, 10)
    assert inbox.offer(cursor, 10) == ([], cursor)
    inbox.withdraw(files)
    assert inbox.offer(cursor, 10)[0] == files


def test_a_mail_that_somebody_else_moves_first_is_no_error_and_a_lost_folder_is_one(
    box: Box,
) -> None:
    maildir = Maildir(name="north", root=box.root)
    gone = MailFile(folder=Folder.INBOX, place="new", name="1700000000.gone.host")
    maildir.move(gone, Folder.HELD, "")
    assert box.files("Held") == []
    shutil.rmtree(box.root / "Held")
    with pytest.raises(MailboxUnreachable):
        maildir.move(gone, Folder.HELD, "")


def test_mails_of_one_moment_come_in_the_order_of_their_numbers(box: Box) -> None:
    for number in (10, 9, 100):
        path = box.drop(f"new/1700000000.Q{number}.host", raw_mail(number))
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert [message.uid.split(".")[1] for message in box.fetch()] == ["Q9", "Q10", "Q100"]


def test_a_folder_that_somebody_deleted_is_made_again(box: Box) -> None:
    box.drop("new/1700000000.one.host", raw_mail(1))
    (message,) = box.fetch()
    shutil.rmtree(box.root / "Handled")
    box.mailbox.file(message, Disposition.PASS)
    assert box.files("Handled") == ["1700000000.one.host:2,S"]


def test_a_mailbox_that_vanished_is_unreachable_and_not_made_anew(box: Box) -> None:
    box.drop("new/1700000000.one.host", raw_mail(1))
    (message,) = box.fetch()
    away = box.root.with_name("away")
    box.root.rename(away)
    acts = (
        lambda: box.mailbox.fetch(None, 10),
        lambda: box.mailbox.file(message, Disposition.PASS),
        lambda: box.mailbox.send(reply(message), lambda: None),
        lambda: box.mailbox.save_draft(reply(message)),
        lambda: box.mailbox.find_sent(reply(message)),
    )
    for act in acts:
        with pytest.raises(MailboxUnreachable, match="Mount or restore it"):
            act()
    assert not box.root.exists()
    away.rename(box.root)
    assert len(box.fetch()) == 1


def test_a_file_in_place_of_the_mailbox_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("letters")
    with pytest.raises(MailboxUnreachable):
        prepare(tmp_path / "mail", name="north")


# Sending


def one(box: Box) -> Message:
    box.drop("new/1700000000.one.host", raw_mail(1))
    return box.fetch()[0]


def test_a_reply_that_is_sent_twice_is_one_file_also_after_a_mail_program_read_it(box: Box) -> None:
    answer = reply(one(box))
    box.mailbox.send(answer, lambda: None)
    (name,) = box.files("Sent")
    (box.root / "Sent" / "new" / name).rename(box.root / "Sent" / "cur" / f"{name}:2,S")
    committed: list[bool] = []
    box.mailbox.send(answer, lambda: committed.append(True))
    assert committed == [True]
    assert box.files("Sent") == [f"{name}:2,S"]


def test_the_copy_in_sent_is_read_by_other_programs(box: Box) -> None:
    answer = reply(one(box))
    box.mailbox.send(answer, lambda: None)
    (copy,) = mailbox.Maildir(box.root / "Sent", create=False)
    assert copy["Message-ID"] == f"<{answer.id}>"
    assert copy["To"] is not None


def test_a_copy_that_a_person_renamed_or_moved_is_still_evidence(box: Box) -> None:
    answer = reply(one(box))
    box.mailbox.send(answer, lambda: None)
    (name,) = box.files("Sent")
    renamed = box.root / "Sent" / "cur" / "a copy:2,S"
    (box.root / "Sent" / "new" / name).rename(renamed)
    assert box.mailbox.find_sent(answer) is Evidence.SENT
    renamed.rename(box.root / "Handled" / "cur" / "1700000009.copy.host:2,S")
    assert box.mailbox.find_sent(answer) is Evidence.SENT
    (box.root / "Handled" / "cur" / "1700000009.copy.host:2,S").unlink()
    assert box.mailbox.find_sent(answer) is Evidence.NOT_SENT


KILLED = """
import os, sys
from pathlib import Path
from appliance.mailbox.folder import FolderMailbox, prepare
from tests.factories import message, reply
from tests.fakes import FakeClock

class Sleeper:
    def wait(self, seconds): return False
    def wake(self): pass

root = Path(sys.argv[1])
prepare(root, name="north")
box = FolderMailbox(name="north", path=root, waiter=Sleeper(), clock=FakeClock())
when = sys.argv[2]
box.send(reply(message()), lambda: os.kill(os.getpid(), 9) if when == "commit" else None)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(
    ("when", "evidence"), [("commit", Evidence.NOT_SENT), ("after", Evidence.SENT)]
)
def test_a_process_killed_while_sending_leaves_proof_either_way(
    tmp_path: Path, when: str, evidence: Evidence
) -> None:
    root = tmp_path / "mail"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(root), when],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -9, killed.stderr
    foreign = root / "Sent" / "tmp" / "1700000000.foreign.host"
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_bytes(b"half of a mail")
    box = Box(root)
    assert box.mailbox.find_sent(reply()) is evidence
    assert list((root / "Sent" / "tmp").iterdir()) == [foreign]
    box.mailbox.send(reply(), lambda: None)
    assert len(box.files("Sent")) == 1


def test_without_room_nothing_is_sent_and_afterwards_it_is(small_disk: Path) -> None:
    box = Box(small_disk / "mail")
    box.drop("new/1700000000.one.host", raw_mail(1))
    answer = reply(box.fetch()[0], text="x" * 20_000)
    ballast = fill(small_disk)
    committed: list[bool] = []
    with pytest.raises(DiskFull, match="no room"):
        box.mailbox.send(answer, lambda: committed.append(True))
    with pytest.raises(DiskFull, match="no room"):
        box.mailbox.save_draft(answer)
    assert committed == []
    assert list((box.root / "Sent" / "tmp").iterdir()) == []
    assert box.mailbox.find_sent(answer) is Evidence.NOT_SENT
    ballast.unlink()
    box.mailbox.send(answer, lambda: committed.append(True))
    assert committed == [True]
    assert box.mailbox.find_sent(answer) is Evidence.SENT


def test_a_sent_folder_that_vanishes_in_the_last_moment_is_unreachable(box: Box) -> None:
    answer = reply(one(box))
    with pytest.raises(MailboxUnreachable):
        box.mailbox.send(answer, lambda: shutil.rmtree(box.root / "Sent" / "new"))
    assert box.mailbox.find_sent(answer) is Evidence.NOT_SENT


# Threads


def test_a_mail_is_opened_once_for_the_index_and_again_when_folders_change(box: Box) -> None:
    path = box.drop("Held/cur/1700000000.one.host:2,", raw_mail(1))
    references = References(Maildir(name="north", root=box.root))
    references.renew(trust_times=True)
    assert references.holding(MessageId("question-1@customers.example"))
    # Written in place, so the directory's time stays: the index does not look again.
    path.write_bytes(raw_mail(2))
    references.renew(trust_times=True)
    assert not references.holding(MessageId("question-2@customers.example"))
    path.unlink()
    references.distrust()
    references.renew(trust_times=True)
    assert not references.holding(MessageId("question-1@customers.example"))


def test_folded_bare_and_absent_ids_are_told_from_the_head(box: Box) -> None:
    heads = (
        b"MESSAGE-ID:\r\n <folded@example.com>\r\nReferences: <a@example.com>\r\n\t<b@example.com>\r\n",
        b"Message-Id: bare@example.com\nIn-Reply-To: <a@example.com>\n",
        b"Subject: none\r\n",
    )
    for number, head in enumerate(heads):
        body = b"\r\nMessage-ID: <body@example.com>\r\n" if number == 0 else b"\nbody\n"
        box.drop(f"Held/cur/170000000{number}.x.host:2,", head + body)
    references = References(Maildir(name="north", root=box.root))
    references.renew(trust_times=True)
    found = references.kin([MessageId("a@example.com")], 10)
    assert {kin.id for kin in found} == {"folded@example.com", "bare@example.com"}
    assert not references.holding(MessageId("body@example.com"))
    assert len(references.kin([MessageId("a@example.com")], 1)) == 1


def test_a_long_thread_is_cut_at_forty_of_the_newest(box: Box) -> None:
    for number in range(60):
        parent = f"In-Reply-To: <question-{number - 1}@customers.example>\n" if number else ""
        box.drop(f"Handled/cur/17000000{number:02}.x.host:2,", raw_mail(number, headers=parent))
    box.drop(
        "new/1700000099.last.host",
        raw_mail(
            99,
            headers="References: <question-0@customers.example>\n"
            "\t<question-59@customers.example>\n",
        ),
    )
    thread = box.mailbox.thread(box.fetch()[0])
    assert len(thread.messages) == 41
    assert thread.newest.id == "question-99@customers.example"
    dates = [message.date for message in thread.messages if message.date is not None]
    assert dates == sorted(dates)


def test_an_ancestor_with_a_clock_that_runs_ahead_belongs_to_the_thread(box: Box) -> None:
    box.drop("Handled/cur/1700000000.x.host:2,S", raw_mail(500))
    box.drop(
        "new/1700000001.x.host",
        raw_mail(1, headers="In-Reply-To: <question-500@customers.example>\n"),
    )
    thread = box.mailbox.thread(box.fetch()[0])
    assert [message.id for message in thread.messages] == [
        "question-500@customers.example",
        "question-1@customers.example",
    ]


def test_a_relative_that_cannot_be_read_is_left_out(box: Box) -> None:
    path = box.drop("Handled/cur/1700000000.x.host:2,S", raw_mail(1))
    with path.open("ab") as stream:
        stream.truncate(21 * 1024 * 1024)
    box.drop(
        "new/1700000001.x.host",
        raw_mail(2, headers="In-Reply-To: <question-1@customers.example>\n"),
    )
    (message,) = box.fetch()
    assert box.mailbox.thread(message).messages == (message,)
