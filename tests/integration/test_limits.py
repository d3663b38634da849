"""What the daemon may cost on a small board: memory, idle time, answers with ten thousand mails."""

import statistics
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil
import pytest

from appliance.domain.job import JobId, State, Step
from appliance.store.filing import filing
from appliance.store.jobs import SqliteJobStore
from tests.daemon_process import DaemonProcess
from tests.factories import correspondent, draft, finding, message, reply
from tests.fakes import FakeClock
from tests.raw_mail import raw_mail

DRAFTED = 20
MAILS = 10_000
REPEATS = 50
IDLE_SHARE = 0.005
MEBIBYTE = 1024 * 1024
LEASE = timedelta(minutes=10)
TEXT = "您好，我的订单还没有收到，请问什么时候发货？ Where is my order, please? " * 20


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that has drafted and has nothing more to do."""
    process = DaemonProcess(tmp_path_factory.mktemp("limits"), measured=False)
    process.start()
    for number in range(DRAFTED):
        process.deliver(f"mail{number:02}", raw_mail(number))
    process.until(lambda: process.states() == ["drafted"] * DRAFTED)
    process.until(lambda: len(process.in_folder("Drafts")) == DRAFTED)
    yield process
    process.stop()


def measured(daemon: DaemonProcess) -> psutil.Process:
    assert daemon.process is not None
    return psutil.Process(daemon.process.pid)


def idle_share(process: psutil.Process, seconds: float) -> float:
    """Share of one core that the process takes over so many seconds."""
    before, begun = process.cpu_times(), perf_counter()
    threading.Event().wait(seconds)
    after, ended = process.cpu_times(), perf_counter()
    return (after.user + after.system - before.user - before.system) / (ended - begun)


def least_idle_share(process: psutil.Process) -> float:
    """The kernel counts in hundredths of a second, and another process may disturb one look."""
    share = idle_share(process, 10.0)
    return share if share <= IDLE_SHARE else min(share, idle_share(process, 10.0))


def test_the_daemon_without_an_engine_stays_below_120_mebibytes(daemon: DaemonProcess) -> None:
    assert measured(daemon).memory_info().rss <= 120 * MEBIBYTE


def test_an_idle_daemon_takes_at_most_half_a_percent_of_a_core(daemon: DaemonProcess) -> None:
    share = least_idle_share(measured(daemon))
    assert share <= IDLE_SHARE, f"{share:.2%}"


def milliseconds(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median of so many calls."""
    taken = []
    for _ in range(repeats):
        begun = perf_counter()
        call()
        taken.append((perf_counter() - begun) * 1000)
    return statistics.median(taken)


def ended(number: int, store: SqliteJobStore, job: JobId) -> tuple[Step, ...]:
    """How the mail of this number ended: answered, skipped, or not at all."""
    if number % 3 == 0:
        return ()
    if number % 3 == 1:
        return (Step(to=State.SKIPPED, note="A newsletter.", findings=(finding(),)),)
    answer = reply(store.get(job).message)
    return (
        Step(to=State.SCREENED, note="Screened.", findings=(finding(),), language="zh-Hans"),
        Step(to=State.DRAFTED, note="Drafted.", draft=draft(text=TEXT)),
        Step(to=State.APPROVED, note="Approved.", reply=answer),
        Step(to=State.SENDING, note="Sending."),
        Step(to=State.SENT, note="Sent."),
    )


def fill(store: SqliteJobStore, clock: FakeClock) -> None:
    """A third was answered, a third was left alone, a third waits."""
    for number in range(MAILS):
        sender = correspondent(f"customer{number // 3 % 900}@customer.example")
        job = store.enqueue(message(str(number), mailbox="desk", sender=sender, text=TEXT))
        assert job is not None
        clock.advance(timedelta(minutes=1))
        steps = ended(number, store, job)
        for step in steps:
            store.apply(store.get(job), step, "daemon")
        if steps:
            store.filed(job, filing(steps[-1].to))


def put_aside(store: SqliteJobStore) -> None:
    """What waits is for a person, so that the daemon has no work and only answers."""
    waiting = store.list(states=frozenset({State.RECEIVED}), limit=MAILS)
    for row in waiting:
        store.apply(store.get(row.id), Step(to=State.HELD, note="Held."), "daemon")
        store.filed(row.id, filing(State.HELD))


@pytest.fixture(scope="module")
def memory_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """On a disk of memory where there is one: what is measured is the program."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path_factory.mktemp("store")
        return
    with TemporaryDirectory(prefix="appliance-limits-", dir=shared) as directory:
        yield Path(directory)


def test_ten_thousand_mails_are_claimed_and_listed_without_delay(
    tmp_path: Path, memory_directory: Path
) -> None:
    clock = FakeClock()
    store = SqliteJobStore.open(memory_directory / "state", clock)
    fill(store, clock)
    claimed = milliseconds(lambda: store.claim(frozenset(State), LEASE))
    put_aside(store)
    store.close()
    daemon = DaemonProcess(tmp_path, state=memory_directory / "state", measured=False)
    daemon.start()
    assert sum(daemon.client.call("status")["counts"].values()) == MAILS
    assert len(daemon.client.call("mail.list", limit=200)) == 200
    listed = milliseconds(lambda: daemon.client.call("mail.list", limit=200))
    oldest = milliseconds(lambda: daemon.client.call("mail.list", state="sent", before=500))
    idle = least_idle_share(measured(daemon))
    assert daemon.stop() == 0
    assert claimed <= 5, f"{claimed:.2f} ms"
    assert max(listed, oldest) <= 150, f"{listed:.1f} ms, {oldest:.1f} ms"
    assert idle <= IDLE_SHARE, f"{idle:.2%}"
