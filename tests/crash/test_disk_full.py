import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.raw_mail import raw_mail


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
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
            pass
    return ballast


def test_a_full_disk_is_told_loses_nothing_and_is_survived(
    tmp_path: Path, small_disk: Path
) -> None:
    daemon = DaemonProcess(
        tmp_path,
        automatic=True,
        flow="attempts = 100\nundo_seconds = 0.0\nretry_seconds = 0.1\n",
        state=small_disk / "state",
    )
    for number in range(3):
        daemon.deliver(f"early{number}", raw_mail(number))
    daemon.start()
    daemon.until(lambda: daemon.states() == ["sent"] * 3)
    ballast = fill(small_disk)
    for number in range(3, 20):
        daemon.deliver(f"late{number}", raw_mail(number))

    def told() -> bool:
        return any(
            "room" in trouble["reason"] for trouble in daemon.client.call("status")["troubles"]
        )

    daemon.until(told)
    assert daemon.states().count("sent") >= 3
    ballast.unlink()
    daemon.until(lambda: daemon.states() == ["sent"] * 20)
    daemon.until(lambda: not daemon.client.call("status")["troubles"])
    assert daemon.stop() == 0
    assert len(daemon.in_folder("Sent")) == 20
