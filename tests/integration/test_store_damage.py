"""What the store says and keeps when its files are damaged or the disk is full."""

import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.domain.errors import (
    DiskFull,
    MessageUnreadable,
    OperatorError,
    TransientError,
)
from appliance.domain.job import JobId, State
from appliance.store.database import FILE
from appliance.store.faults import translated
from appliance.store.jobs import SqliteJobStore
from tests.contract.job_store import RECEIVED, to, walk
from tests.factories import draft, message
from tests.fakes import FakeClock

LEASE = timedelta(minutes=10)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteJobStore]:
    store = SqliteJobStore.open(tmp_path / "state", clock)
    yield store
    store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def outside(directory: Path, *statements: str) -> None:
    """Do to the closed or open database what no program of ours would do."""
    with sqlite3.connect(directory / FILE) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


class TestDamage:
    def test_a_file_that_is_no_database_is_said_to_be_damaged(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        (tmp_path / FILE).write_bytes(b"This is a letter, not a database.\n" * 500)
        with pytest.raises(OperatorError, match=r"damaged.*backup"):
            SqliteJobStore.open(tmp_path, clock)

    def test_pages_that_went_bad_are_said_to_be_damaged(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        store = SqliteJobStore.open(tmp_path, clock)
        for number in range(40):
            store.enqueue(message(str(number), text="x" * 3000))
        store.close()
        path = tmp_path / FILE
        pages = bytearray(path.read_bytes())
        half = len(pages) // 2
        pages[half:] = b"\xa5" * (len(pages) - half)
        path.write_bytes(pages)
        store = SqliteJobStore.open(tmp_path, clock)
        with pytest.raises(OperatorError, match="damaged"):
            store.unfiled(50), [store.get(row.id) for row in store.list()]
        assert any("damaged" in problem for problem in store.check())
        store.close()

    def test_a_directory_that_is_a_file_is_an_error_of_the_operator(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        (tmp_path / "state").write_text("")
        with pytest.raises(OperatorError, match="cannot be used"):
            SqliteJobStore.open(tmp_path / "state", clock)

    def test_a_database_that_is_a_directory_is_an_error_of_the_operator(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        (tmp_path / FILE).mkdir()
        with pytest.raises(OperatorError):
            SqliteJobStore.open(tmp_path, clock)

    def test_a_mail_that_went_bad_is_parked_and_holds_nobody_up(
        self, store: SqliteJobStore, tmp_path: Path
    ) -> None:
        bad = store.enqueue(message("1"))
        good = store.enqueue(message("2"))
        assert bad is not None
        outside(tmp_path / "state", "UPDATE message SET body = '{}' WHERE job = 1")
        with pytest.raises(OperatorError, match="cannot be read"):
            store.get(bad)
        claimed = store.claim(RECEIVED, LEASE)
        assert claimed is not None
        assert claimed.id == good
        assert store.unfiled(10) == ()
        newest = store.entries(bad)[0]
        assert (newest.before, newest.after) == (State.RECEIVED, State.PARKED)
        row = store.list(states=frozenset({State.PARKED}))[0]
        assert (row.id, row.reason) == (bad, "What is stored about this mail cannot be read.")
        assert store.check() == ("What is stored about mail 1 cannot be read.",)

    def test_a_held_mail_that_went_bad_does_not_keep_others_from_being_filed(
        self, store: SqliteJobStore, tmp_path: Path
    ) -> None:
        bad = walk(store, message("1"), to(State.HELD))
        good = walk(store, message("2"), to(State.HELD))
        outside(tmp_path / "state", "UPDATE message SET body = '{}' WHERE job = 1")
        assert store.unfiled(10) == (good,)
        found = store.unanswered("north", (bad.message.id, good.message.id))
        assert found == (good,)
        assert store.find("north", bad.message.uid) is None

    @pytest.mark.parametrize(
        ("harm", "problem"),
        [
            ("DELETE FROM message", "Mail 1 has no message."),
            ("UPDATE job SET state = 'held'", "Mail 1 is held, but its ledger ends with drafted."),
            (
                "UPDATE job SET state = 'sending'",
                "Mail 1 is to be sent but has no reply.",
            ),
            ("DELETE FROM draft", "The newest draft for mail 1 is missing."),
            (
                "INSERT INTO draft VALUES (7, 1, '')",
                "A row of the table draft refers to a row of job that does not exist.",
            ),
            ("UPDATE draft SET body = '[]'", "What is stored about mail 1 cannot be read."),
        ],
    )
    def test_a_check_finds_what_does_not_fit(
        self, store: SqliteJobStore, tmp_path: Path, harm: str, problem: str
    ) -> None:
        walk(store, message(), to(State.SCREENED), to(State.DRAFTED, draft=draft()))
        outside(tmp_path / "state", "PRAGMA foreign_keys = OFF", harm)
        assert problem in list(store.check())

    def test_a_check_finds_a_damaged_page(self, tmp_path: Path, clock: FakeClock) -> None:
        store = SqliteJobStore.open(tmp_path, clock)
        walk(store, message())
        store.close()
        outside(
            tmp_path,
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_schema SET sql = replace(sql, 'note TEXT NOT NULL', 'note INTEGER') "
            "WHERE name = 'entry'",
        )
        store = SqliteJobStore.open(tmp_path, clock)
        assert any("damaged" in problem for problem in store.check())
        store.close()

    def test_a_text_that_is_no_unicode_is_an_unreadable_mail(self, store: SqliteJobStore) -> None:
        with pytest.raises(MessageUnreadable):
            store.enqueue(message(subject="\udce4"))
        assert store.list() == ()

    def test_a_database_that_another_program_holds_may_be_free_later(
        self, store: SqliteJobStore, tmp_path: Path
    ) -> None:
        store._database._writer.execute("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="Another program"):
            store.enqueue(message())
        other.execute("ROLLBACK")
        other.close()
        assert store.enqueue(message()) is not None

    def test_an_error_of_the_program_keeps_its_name(self, store: SqliteJobStore) -> None:
        with (
            pytest.raises(sqlite3.IntegrityError),
            store._database.writing() as connection,
        ):
            connection.execute("INSERT INTO draft VALUES (7, 1, '{}')")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        pytest.skip("Only root may mount a small disk.")
    point = tmp_path / "disk"
    point.mkdir()
    command: list[str | Path] = [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", point]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("This machine does not let us mount a tmpfs.")
    yield point
    subprocess.run([unmount, point], check=True)


def fill(store: SqliteJobStore) -> int:
    """Enqueue mails until there is no room; returns how many found it."""
    for number in range(10_000):
        try:
            store.enqueue(message(str(number), text="拥挤" * 4000))
        except DiskFull:
            return number
    raise AssertionError("The disk never filled up.")


class TestNoRoom:
    def everything_refused(self, store: SqliteJobStore, kept: int, clock: FakeClock) -> None:
        """Nothing large fits, and what was refused left no trace."""
        ledger = store.entries(limit=10_000)
        job = store.get(JobId(1))
        moved = to(State.SCREENED, instruction="x" * 60_000)
        with pytest.raises(DiskFull):
            store.apply(job, moved, "daemon")
        with pytest.raises(DiskFull):
            store.remember("u-1", "x" * 60_000)
        assert store.get(JobId(1)) == job
        assert store.entries(limit=10_000) == ledger
        assert len(store.list(limit=10_000)) == kept
        assert store.answered("u-1") is None
        assert store.check() == ()

    def test_a_database_that_may_not_grow_changes_nothing(
        self, store: SqliteJobStore, clock: FakeClock
    ) -> None:
        writer = store._database._writer
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages + 60}")
        kept = fill(store)
        assert kept > 0
        self.everything_refused(store, kept, clock)
        writer.execute(f"PRAGMA max_page_count = {pages + 600}")
        assert store.enqueue(message("later", text="拥挤" * 4000)) is not None

    def test_a_full_disk_changes_nothing_and_work_goes_on_when_there_is_room(
        self, small_disk: Path, clock: FakeClock
    ) -> None:
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 600_000)
        store = SqliteJobStore.open(small_disk / "state", clock)
        kept = fill(store)
        assert kept > 0
        self.everything_refused(store, kept, clock)
        ballast.unlink()
        assert store.enqueue(message("later", text="拥挤" * 4000)) is not None
        job = store.claim(RECEIVED, LEASE)
        assert job is not None
        assert store.apply(job, to(State.SCREENED), "daemon").state is State.SCREENED
        store.close()
        store = SqliteJobStore.open(small_disk / "state", clock)
        assert sum(store.counts().values()) == kept + 1
        store.close()

    def test_a_full_disk_refuses_a_new_store(self, small_disk: Path, clock: FakeClock) -> None:
        free = shutil.disk_usage(small_disk).free
        (small_disk / "ballast").write_bytes(b"x" * free)
        with pytest.raises(DiskFull):
            SqliteJobStore.open(small_disk / "state", clock)


class TestFaults:
    def test_a_full_device_is_a_full_disk(self, tmp_path: Path) -> None:
        with pytest.raises(DiskFull), translated(tmp_path):
            Path("/dev/full").write_bytes(b"x")

    def test_a_database_that_cannot_be_opened_is_an_error_of_the_operator(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(OperatorError, match="read or written"), translated(tmp_path):
            sqlite3.connect(tmp_path / "missing" / FILE)
        with pytest.raises(OperatorError, match="read or written"), translated(tmp_path / "gone"):
            sqlite3.connect(tmp_path / "missing" / FILE)

    def test_a_read_only_disk_is_an_error_of_the_operator(
        self, small_disk: Path, clock: FakeClock
    ) -> None:
        SqliteJobStore.open(small_disk / "state", clock).close()
        mount = shutil.which("mount")
        assert mount is not None
        subprocess.run([mount, "-o", "remount,ro", small_disk], check=True)
        with pytest.raises(OperatorError, match="Read-only"):
            SqliteJobStore.open(small_disk / "state", clock)

    def test_a_file_that_cannot_be_opened_on_a_full_disk_means_a_full_disk(
        self, small_disk: Path
    ) -> None:
        (small_disk / "ballast").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
        with pytest.raises(DiskFull), translated(small_disk):
            sqlite3.connect(small_disk / "missing" / FILE)
