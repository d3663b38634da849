"""Bells on real folders and files."""

import resource
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, process_time

import pytest

from appliance.host.watch import FolderWatch

SOON = 5.0
NEVER = 0.7


@pytest.fixture
def watch() -> Iterator[FolderWatch]:
    watch = FolderWatch()
    yield watch
    watch.close()


def test_a_mail_moved_into_the_folder_rings(watch: FolderWatch, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "mail").write_text("x")
    bell = watch.bell(tmp_path / "new")
    (tmp_path / "mail").rename(tmp_path / "new" / "mail")
    assert bell.wait(SOON)
    assert bell.changed() == {tmp_path / "new"}
    assert bell.changed() == frozenset()
    assert watch.problems == ()


def test_writing_and_deleting_ring(watch: FolderWatch, tmp_path: Path) -> None:
    bell = watch.bell(tmp_path, quiet_seconds=0.1)
    (tmp_path / "mail").write_text("x")
    assert bell.wait(SOON)
    (tmp_path / "mail").unlink()
    assert bell.wait(SOON)


def test_reading_does_not_ring(watch: FolderWatch, tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("x")
    bell = watch.bell(tmp_path)
    (tmp_path / "mail").read_text()
    list(tmp_path.iterdir())
    assert not bell.wait(NEVER)


def test_what_rang_before_the_wait_is_not_missed(watch: FolderWatch, tmp_path: Path) -> None:
    bell = watch.bell(tmp_path)
    (tmp_path / "mail").write_text("x")
    threading.Event().wait(0.5)
    begun = monotonic()
    assert bell.wait(SOON)
    assert monotonic() - begun < 0.2


def test_a_folder_below_rings_where_asked_for_also_when_it_is_new(
    watch: FolderWatch, tmp_path: Path
) -> None:
    deep = watch.bell(tmp_path, recursive=True, quiet_seconds=0.3)
    flat = watch.bell(tmp_path)
    (tmp_path / "prices").mkdir()
    assert deep.wait(SOON)
    assert flat.wait(SOON)
    (tmp_path / "prices" / "2026.md").write_text("x")
    assert deep.wait(SOON)
    assert deep.changed() == {tmp_path}
    assert not flat.wait(NEVER)


def test_a_single_file_rings_when_it_is_replaced_and_its_neighbours_do_not(
    watch: FolderWatch, tmp_path: Path
) -> None:
    file = tmp_path / "office.toml"
    file.write_text("a")
    bell = watch.bell(file, quiet_seconds=0.1)
    (tmp_path / "other.toml").write_text("b")
    assert not bell.wait(NEVER)
    (tmp_path / "other.toml").rename(file)
    assert bell.wait(SOON)
    assert bell.changed() == {file}


def test_a_burst_is_heard_once(watch: FolderWatch, tmp_path: Path) -> None:
    bell = watch.bell(tmp_path, quiet_seconds=0.4)
    for number in range(50):
        (tmp_path / str(number)).write_text("x")
    assert bell.wait(SOON)
    assert not bell.wait(NEVER)


def test_a_folder_that_is_never_quiet_is_heard_in_the_end(
    watch: FolderWatch, tmp_path: Path
) -> None:
    bell = watch.bell(tmp_path, quiet_seconds=0.05)
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.01):
            (tmp_path / "busy").write_text("x")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(write)
        assert bell.wait(SOON)
        over.set()


@pytest.mark.parametrize("quiet", [0.0, 60.0])
def test_waking_ends_a_wait_at_once(watch: FolderWatch, tmp_path: Path, quiet: float) -> None:
    bell = watch.bell(tmp_path, quiet_seconds=quiet)
    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(bell.wait, 60)
        bell.wake()
        assert asleep.result(SOON)


def test_a_signal_handler_may_wake_the_thread_it_interrupts(
    watch: FolderWatch, tmp_path: Path
) -> None:
    bell = watch.bell(tmp_path)
    before = signal.signal(signal.SIGALRM, lambda *_: bell.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        for _ in range(200):
            assert bell.wait(SOON)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_folder_that_is_replaced_is_watched_again(watch: FolderWatch, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    bells = [watch.bell(folder), watch.bell(folder)]
    shutil.rmtree(folder)
    for bell in bells:
        bell.wait(SOON)
        bell.changed()
    folder.mkdir()
    (tmp_path / "kept").mkdir()
    assert not bells[0].wait(0.1)
    for bell in bells:
        # Nobody saw what came in between, so it rings as it is watched again.
        assert bell.wait(SOON)
    (folder / "mail").write_text("x")
    for bell in bells:
        assert bell.wait(SOON)
        assert folder in bell.changed()


def test_a_missing_folder_is_a_problem_until_it_is_there(
    watch: FolderWatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "gone" / "office.toml"
    bell = watch.bell(file)
    assert not bell.wait(0.05)
    assert not bell.wait(0.05)
    assert ["missing" in problem for problem in watch.problems] == [True]
    assert len(caplog.records) == 1
    file.parent.mkdir()
    assert not bell.wait(0.05)
    assert watch.problems == ()
    assert bell.wait(SOON)
    file.write_text("x")
    assert bell.wait(SOON)
    assert bell.changed() == {file}


def test_where_the_system_gives_no_watch_sleeping_still_works_and_the_problem_is_named(
    tmp_path: Path,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(
        int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.name.isdecimal()
    )
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(used, soft), hard))
    held = []
    watch = FolderWatch()
    try:
        while True:
            try:
                held.append(open("/dev/null"))  # noqa: SIM115, PTH123
            except OSError:
                break
        bell = watch.bell(tmp_path)
        assert not bell.wait(0.05)
        assert "max_user_instances" in watch.problems[0]
    finally:
        for stream in held:
            stream.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    bell.wait(0.05)
    assert watch.problems == ()
    (tmp_path / "mail").write_text("x")
    assert bell.wait(SOON)
    watch.close()


def test_an_idle_watch_uses_no_processor_time(watch: FolderWatch, tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / name).mkdir()
    bell = watch.bell(*(tmp_path / name for name in "abcdef"))
    bell.wait(0.2)
    before = process_time()
    assert not bell.wait(1)
    assert process_time() - before < 0.02
