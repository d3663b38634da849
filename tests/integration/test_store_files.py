"""The database's files: who owns them, how they grow, and what happens when they are damaged."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.domain.errors import (
    AlreadyRunning,
    DiskFull,
    MessageUnreadable,
    OperatorError,
    TransientError,
)
from appliance.domain.job import JobId, State
from appliance.domain.verdict import Disposition
from appliance.store.database import FILE, Database
from appliance.store.faults import translated
from appliance.store.jobs import SqliteJobStore
from appliance.store.migrate import SCHEMA, migrations
from tests.contract.job_store import RECEIVED, sent, to, walk
from tests.factories import draft, message, reply
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


class TestOwning:
    def test_nobody_else_may_read_what_is_kept(self, store: SqliteJobStore, tmp_path: Path) -> None:
        store.enqueue(message())
        assert mode(tmp_path / "state") == 0o700
        files = {path.name: mode(path) for path in (tmp_path / "state").iterdir()}
        assert files == dict.fromkeys((FILE, f"{FILE}-wal", f"{FILE}-shm", "lock"), 0o600)

    def test_a_restored_file_is_closed_to_others_again(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        SqliteJobStore.open(tmp_path, clock).close()
        (tmp_path / FILE).chmod(0o644)
        SqliteJobStore.open(tmp_path, clock).close()
        assert mode(tmp_path / FILE) == 0o600

    def test_a_second_daemon_is_refused_in_words(
        self, store: SqliteJobStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        with pytest.raises(AlreadyRunning, match="Another daemon owns"):
            SqliteJobStore.open(tmp_path / "state", clock)
        store.close()
        SqliteJobStore.open(tmp_path / "state", clock).close()

    def test_a_killed_daemon_leaves_the_directory_free(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        code = (
            "import os, sys, pathlib\n"
            "from appliance.store.database import Database\n"
            "database = Database(pathlib.Path(sys.argv[1]))\n"
            "os.kill(os.getpid(), 9)\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
        assert ended.returncode == -9
        SqliteJobStore.open(tmp_path, clock).close()

    def test_a_failed_opening_leaves_the_directory_free(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        outside(tmp_path, "PRAGMA user_version = 99")
        with pytest.raises(OperatorError):
            SqliteJobStore.open(tmp_path, clock)
        outside(tmp_path, "PRAGMA user_version = 0")
        SqliteJobStore.open(tmp_path, clock).close()

    def test_closing_twice_is_the_same_as_once_and_later_calls_are_refused(
        self, store: SqliteJobStore
    ) -> None:
        store.close()
        store.close()
        with pytest.raises(TransientError, match="closed"):
            store.counts()

    def test_the_disk_is_waited_for(self, store: SqliteJobStore) -> None:
        writer = store._database._writer
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        answers = [writer.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
        assert answers == ["wal", 2, 1, 5000]

    def test_the_reading_connection_cannot_write(self, store: SqliteJobStore) -> None:
        with pytest.raises(OperatorError), store._database.reading() as connection:
            connection.execute("DELETE FROM setting")


class TestComingBack:
    def test_everything_is_there_after_a_restart(self, tmp_path: Path, clock: FakeClock) -> None:
        store = SqliteJobStore.open(tmp_path, clock)
        job = walk(store, message(), *sent(message()))
        store.set_setting("paused", "yes", "mei")
        store.close()
        store = SqliteJobStore.open(tmp_path, clock)
        assert store.get(job.id) == job
        assert store.setting("paused") == "yes"
        assert len(store.entries(job.id)) == 6
        store.close()

    def test_a_lease_ends_with_its_run_and_the_attempt_stays_counted(
        self, tmp_path: Path, clock: FakeClock
    ) -> None:
        for attempt in (1, 2, 3):
            store = SqliteJobStore.open(tmp_path, clock)
            store.enqueue(message())
            claimed = store.claim(RECEIVED, LEASE)
            assert claimed is not None
            assert claimed.attempts == attempt
            assert store.claim(RECEIVED, LEASE) is None
            store.close()

    def test_an_attempt_is_on_disk_before_the_work(
        self, store: SqliteJobStore, tmp_path: Path
    ) -> None:
        store.enqueue(message())
        store.claim(RECEIVED, LEASE)
        with sqlite3.connect(tmp_path / "state" / FILE) as other:
            assert other.execute("SELECT attempts FROM job").fetchone() == (1,)


class TestLedger:
    @pytest.mark.parametrize("table", ["entry", "act"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
    def test_the_ledger_only_grows(
        self, store: SqliteJobStore, tmp_path: Path, table: str, statement: str
    ) -> None:
        store.enqueue(message())
        store.set_setting("paused", "yes", "mei")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            outside(tmp_path / "state", statement.format(table))

    def test_who_turned_a_switch_is_kept(self, store: SqliteJobStore, tmp_path: Path) -> None:
        store.set_setting("paused", "yes", "mei")
        store.set_setting("paused", None, "jo")
        with sqlite3.connect(tmp_path / "state" / FILE) as other:
            acts = other.execute("SELECT setting, value, actor FROM act ORDER BY id").fetchall()
        assert acts == [("paused", "yes", "mei"), ("paused", None, "jo")]


class TestMigrations:
    @pytest.fixture
    def schema(self, tmp_path: Path) -> Path:
        directory = tmp_path / "schema"
        shutil.copytree(SCHEMA, directory)
        return directory

    def version(self, database: Database) -> int:
        with database.reading() as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def test_an_older_database_is_brought_forward_with_its_rows(
        self, schema: Path, tmp_path: Path, clock: FakeClock
    ) -> None:
        store = SqliteJobStore.open(tmp_path / "state", clock)
        job = walk(store, message(), to(State.SCREENED))
        store.close()
        number = len(migrations(schema)) + 1
        (schema / f"{number:04}_topics.sql").write_text(
            "ALTER TABLE job ADD COLUMN topic TEXT NOT NULL DEFAULT '';\n"
            "CREATE TABLE topic (name TEXT PRIMARY KEY) STRICT;\n"
            "INSERT INTO topic VALUES ('营业时间; hours');\n"
        )
        database = Database(tmp_path / "state", schema)
        assert self.version(database) == number
        store = SqliteJobStore(database, clock, frozenset())
        assert store.get(job.id) == job
        assert store.enqueue(message("2")) is not None
        store.close()

    def test_a_newer_database_is_refused_in_words(
        self, schema: Path, tmp_path: Path, clock: FakeClock
    ) -> None:
        number = len(migrations(schema)) + 1
        (schema / f"{number:04}_topics.sql").write_text("CREATE TABLE topic (name TEXT);")
        Database(tmp_path / "state", schema).close()
        with pytest.raises(OperatorError, match="newer version of the appliance"):
            SqliteJobStore.open(tmp_path / "state", clock)

    @pytest.mark.parametrize(
        "script",
        [
            "CREATE TABLE topic (name TEXT); INSERT INTO nowhere VALUES (1);",
            "CREATE TABLE topic (name TEXT); DELETE FROM message; DELETE FROM job;",
        ],
    )
    def test_a_failing_migration_changes_nothing(
        self, schema: Path, tmp_path: Path, clock: FakeClock, script: str
    ) -> None:
        store = SqliteJobStore.open(tmp_path / "state", clock)
        job = walk(store, message(), to(State.SCREENED))
        store.close()
        number = len(migrations(schema)) + 1
        (schema / f"{number:04}_broken.sql").write_text(script)
        with pytest.raises(sqlite3.Error):
            Database(tmp_path / "state", schema)
        store = SqliteJobStore.open(tmp_path / "state", clock)
        assert store.get(job.id) == job
        assert self.version(store._database) == number - 1
        store.close()

    @pytest.mark.parametrize("name", ["0003_gap.sql", "0001_double.sql", "two.sql"])
    def test_misnumbered_files_are_refused(self, schema: Path, name: str) -> None:
        (schema / name).write_text("")
        with pytest.raises(ValueError, match=r"numbered|named"):
            migrations(schema)


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
        walk(store, message("1"), to(State.HELD))
        good = walk(store, message("2"), to(State.HELD))
        outside(tmp_path / "state", "UPDATE message SET body = '{}' WHERE job = 1")
        assert store.unfiled(10) == (good,)

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


class TestThreads:
    def test_many_threads_lose_nothing_and_share_nothing(self, store: SqliteJobStore) -> None:
        claimed: list[JobId] = []
        failed: list[BaseException] = []

        def run(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)
                raise

        def bring(who: int) -> None:
            for number in range(25):
                store.enqueue(message(f"{who}-{number}"))

        def take() -> None:
            missed = 0
            while missed < 50:
                job = store.claim(RECEIVED, LEASE)
                if job is None:
                    missed += 1
                    continue
                claimed.append(job.id)
                store.apply(job, to(State.HELD), "daemon")
                store.filed(job.id, Disposition.HOLD)

        def look() -> None:
            for _ in range(100):
                rows = store.list()
                assert sum(store.counts().values()) >= len(rows)

        work: list[Callable[[], None]] = [lambda who=who: bring(who) for who in range(4)]  # type: ignore[misc]
        work += [take, take, look, look]
        threads = [threading.Thread(target=run, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while store.claim(RECEIVED, LEASE) is not None:
            claimed.append(JobId(0))
        assert failed == []
        assert len([job for job in claimed if job]) == len({job for job in claimed if job})
        assert len(claimed) == 100
        assert store.check() == ()


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


def test_what_is_stored_is_readable_json(store: SqliteJobStore, tmp_path: Path) -> None:
    walk(store, message(), *sent(message()))
    with sqlite3.connect(tmp_path / "state" / FILE) as other:
        (body,) = other.execute("SELECT body FROM reply").fetchone()
    assert json.loads(body)["id"] == reply().id
