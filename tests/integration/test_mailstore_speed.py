"""How fast mail gets over EWS and Graph into the store: a first look at many, and one new mail."""

import statistics
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
import pytest

from tests.daemon_process import DaemonProcess
from tests.integration.test_imap_speed import WITHOUT_CLERK, touched
from tests.raw_mail import raw_mail
from tests.store_desk import store_desk, stored, together
from tests.store_site import DESK, KINDS, store_site, unspoken

MAILS = 2_000
MEBIBYTE = 1024 * 1024
MEMORY = 80 * MEBIBYTE
CPU_SECONDS = 25.0
FIRST_SECONDS = 10.0
BUSY = 8.0
"""So many seconds longer may anything take on a machine that does other things too."""

SLOW = 5.0
"""So many times as long may much work take there; the server of the test works beside it."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_look_at_two_thousand_mails_keeps_its_time_and_memory(
    tmp_path: Path, kind: str
) -> None:
    with store_site(kind, tmp_path / kind) as site:
        idle = site.daemon("idle", command=WITHOUT_CLERK, measured=False)
        idle.start()
        idle.until(lambda: touched(idle))
        before = resident(idle)
        assert idle.stop() == 0
        for number in range(MAILS):
            site.server.deliver(DESK, raw_mail(number))
        daemon = site.daemon(command=WITHOUT_CLERK, measured=False)
        daemon.start()
        begun = perf_counter()
        peak = 0

        def all_there() -> bool:
            nonlocal peak
            peak = max(peak, resident(daemon))
            return stored(daemon) == MAILS

        daemon.until(all_there, 120.0)
        wall, cpu = perf_counter() - begun, cpu_seconds(daemon)
        assert daemon.stop() == 0
        unspoken(daemon)
    more = (peak - before) / MEBIBYTE
    print(f"\n{kind}, {MAILS} mails: {wall:.1f} s, {cpu:.1f} s of CPU, {more:.0f} MiB more memory")  # noqa: T201
    assert wall <= FIRST_SECONDS * SLOW
    assert peak - before <= MEMORY
    assert cpu <= CPU_SECONDS


def process(daemon: DaemonProcess) -> psutil.Process:
    assert daemon.process is not None
    return psutil.Process(daemon.process.pid)


def resident(daemon: DaemonProcess) -> int:
    return int(process(daemon).memory_info().rss)


def cpu_seconds(daemon: DaemonProcess) -> float:
    """Of its whole life, the start included."""
    times = process(daemon).cpu_times()
    return float(times.user + times.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How new mail is noticed, and within how many seconds; so many mails tell.

    ``directory`` is short, for the path of a socket must be.
    """

    directory: str
    kind: str
    poll_seconds: float
    limit: float
    mails: int = 10


WAYS = {
    "Exchange told": Way(directory="0", kind="Exchange", poll_seconds=60.0, limit=1.0),
    # The server keeps what it has to say to itself for half a second.
    "grommunio told": Way(directory="1", kind="grommunio", poll_seconds=60.0, limit=1.5),
    "Graph by peeks": Way(directory="2", kind="Graph", poll_seconds=60.0, limit=10.0, mails=2),
    "Graph by polls": Way(directory="3", kind="Graph", poll_seconds=1.0, limit=1.0),
}


def test_a_new_mail_is_taken_in_at_once_or_within_a_look(tmp_path: Path) -> None:
    """All at once: together they ask for little."""
    together(WAYS, lambda name: arrivals(tmp_path / WAYS[name].directory, name, WAYS[name]))


def arrivals(directory: Path, name: str, way: Way) -> None:
    with store_desk(way.kind, directory, poll_seconds=way.poll_seconds, measured=False) as desk:
        desk.daemon.until(lambda: touched(desk.daemon))
        ews = desk.site.ews
        if ews is not None:
            desk.daemon.until(
                lambda: any(one.streams for one in ews.streams.subscriptions.values())
            )
        taken: list[float] = []
        for number in range(way.mails):
            begun = perf_counter()
            desk.deliver(number)
            desk.daemon.until(lambda: stored(desk.daemon) > len(taken))
            taken.append(perf_counter() - begun)
    median, worst = statistics.median(taken), max(taken)
    print(f"\nA new mail, {name}: median {median:.2f} s, worst {worst:.2f} s")  # noqa: T201
    assert median <= way.limit + BUSY
    # An announcement that got lost would wait for the next poll.
    assert worst <= way.limit + BUSY
