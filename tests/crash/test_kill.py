import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from watchdog.events import DirMovedEvent, FileMovedEvent, FileSystemEventHandler
from watchdog.observers import Observer

from appliance.domain.errors import DaemonUnreachable
from appliance.store.jobs import SqliteJobStore
from tests.daemon_process import DaemonProcess
from tests.fakes import FakeClock
from tests.raw_mail import raw_mail

STATES = ("received", "screened", "drafted", "approved", "sending", "sent")
MAILS = 20
KILLS = 200
PATIENT = "attempts = 100\nundo_seconds = 0.0\nretry_seconds = 0.1\n"


class _Leavings(FileSystemEventHandler):
    """Counts what the kernel says was moved into a folder: a send that nobody can take back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.count: Counter[str] = Counter()

    def on_moved(self, event: DirMovedEvent | FileMovedEvent) -> None:
        target = Path(str(event.dest_path))
        if target.parent == self._folder:
            self.count[target.name] += 1


@contextmanager
def leavings(daemon: DaemonProcess) -> Iterator[Counter[str]]:
    sent = daemon.mail / "Sent"
    for part in ("tmp", "new", "cur"):
        (sent / part).mkdir(parents=True, exist_ok=True)
    handler = _Leavings(sent / "new")
    observer = Observer()
    observer.schedule(handler, str(sent), recursive=True)
    observer.start()
    try:
        yield handler.count
    finally:
        observer.stop()
        observer.join()


def settled(daemon: DaemonProcess, mails: int) -> bool:
    """Every mail has ended and lies in the folder of its state."""
    states = daemon.states()
    return len(states) == mails and set(states) <= {"sent", "parked"} and not daemon.in_folder(".")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("point", ["before", "after"])
def test_a_kill_around_any_state_loses_nothing_and_sends_once(
    tmp_path: Path, point: str, state: str
) -> None:
    marker = tmp_path / "killed"
    daemon = DaemonProcess(
        tmp_path,
        automatic=True,
        flow=PATIENT,
        measured=False,
        command=("-m", "tests.crash.kill_at", f"{point}:{state}", str(marker)),
    )
    with leavings(daemon) as left:
        for number in range(2):
            daemon.deliver(f"mail{number}", raw_mail(number))
        daemon.start(wait=False)
        daemon.until(daemon.ended)
        assert marker.exists()
        daemon.start()
        daemon.until(lambda: settled(daemon, 2))
        assert daemon.stop() == 0
    assert daemon.states_on_disk() == ["sent", "sent"]
    assert sorted(left.values()) == [1, 1]
    assert len(daemon.in_folder("Handled")) == 2


ENDS = {
    "skipped": (raw_mail(1, headers="List-Id: <news.customers.example>\n"), "Skipped"),
    "held": (
        raw_mail(1, text="I demand 500 EUR compensation, or my lawyer will sue you.\n"),
        "Held",
    ),
    "parked": (raw_mail(1, text="What are your opening hours on Saturday? " * 4000), "Held"),
}


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("point", ["before", "after"])
def test_a_kill_around_any_end_leaves_the_mail_where_it_belongs(
    tmp_path: Path, point: str, state: str
) -> None:
    marker = tmp_path / "killed"
    raw, folder = ENDS[state]
    daemon = DaemonProcess(
        tmp_path,
        automatic=True,
        command=("-m", "tests.crash.kill_at", f"{point}:{state}", str(marker)),
    )
    daemon.deliver("mail", raw)
    daemon.start(wait=False)
    daemon.until(daemon.ended)
    assert marker.exists()
    daemon.start()
    daemon.until(lambda: daemon.states() == [state] and len(daemon.in_folder(folder)) == 1)
    assert daemon.stop() == 0
    assert daemon.in_folder("Sent") == daemon.in_folder(".") == []


@pytest.mark.parametrize(("point", "found"), [("before", "drafted"), ("after", "rejected")])
def test_a_kill_around_a_persons_act_leaves_it_done_or_undone(
    tmp_path: Path, point: str, found: str
) -> None:
    daemon = DaemonProcess(
        tmp_path,
        command=("-m", "tests.crash.kill_at", f"{point}:rejected", str(tmp_path / "killed")),
    )
    daemon.deliver("mail", raw_mail(1))
    daemon.start()
    daemon.until(lambda: daemon.states() == ["drafted"])
    with pytest.raises(DaemonUnreachable):
        daemon.client.call("mail.reject", id=1, reason="Phoned.")
    daemon.until(daemon.ended)
    daemon.start()
    assert daemon.states() == [found]
    assert daemon.stop() == 0


def test_two_hundred_random_kills_lose_nothing_and_send_nothing_twice(tmp_path: Path) -> None:
    seed = 20261122
    chance = random.Random(seed)
    daemon = DaemonProcess(tmp_path, automatic=True, flow=PATIENT, measured=False)
    never = threading.Event()
    with leavings(daemon) as left:
        begun = monotonic()
        daemon.start()
        started = monotonic() - begun
        daemon.kill()
        for kill in range(KILLS):
            if kill % (KILLS // MAILS) == 0:
                number = kill * MAILS // KILLS
                daemon.deliver(f"mail{number}", raw_mail(number))
            daemon.start(wait=False)
            never.wait(chance.uniform(0.3, 1.4) * started)
            daemon.kill()
        daemon.start()
        daemon.until(lambda: settled(daemon, MAILS), 120)
        assert daemon.stop() == 0
    assert Counter(daemon.states_on_disk()) == {"sent": MAILS}, f"seed {seed}"
    store = SqliteJobStore.open(daemon.state, FakeClock())
    assert list(store.check()) == []
    store.close()
    assert sorted(left.values()) == [1] * MAILS
    assert len(daemon.in_folder("Sent")) == len(daemon.in_folder("Handled")) == MAILS
