"""The database's files: who owns them, what survives a restart, how a schema grows."""

import json
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
    OperatorError,
    TransientError,
)
from appliance.domain.job import JobId, State
from appliance.domain.verdict import Disposition
from appliance.store.database import FILE, Database
from appliance.store.jobs import SqliteJobStore
from appliance.store.migrate import SCHEMA, migrations
from tests.contract.job_store import RECEIVED, sent, to, walk
from tests.factories import message, reply
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
            connection.execute("DELETE FROM entry")


class TestComingBack:
    def test_everything_is_there_after_a_restart(self, tmp_path: Path, clock: FakeClock) -> None:
        store = SqliteJobStore.open(tmp_path, clock)
        job = walk(store, message(), *sent(message()))
        store.close()
        store = SqliteJobStore.open(tmp_path, clock)
        assert store.get(job.id) == job
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
    @pytest.mark.parametrize("statement", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
    def test_the_ledger_only_grows(
        self, store: SqliteJobStore, tmp_path: Path, statement: str
    ) -> None:
        store.enqueue(message())
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            outside(tmp_path / "state", statement.format("entry"))


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


def test_what_is_stored_is_readable_json(store: SqliteJobStore, tmp_path: Path) -> None:
    walk(store, message(), *sent(message()))
    with sqlite3.connect(tmp_path / "state" / FILE) as other:
        (body,) = other.execute("SELECT body FROM reply").fetchone()
    assert json.loads(body)["id"] == reply().id
