"""A real daemon in a process of its own, on a temporary office with the folder mailbox."""

import atexit
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

from appliance.control.client import Client
from appliance.domain.errors import DaemonUnreachable

ROOT = Path(__file__).parents[1]
OFFICE = """
name = "Test Office"
addresses = ["desk@office.example.com"]
authserv_id = "mx.office.example.com"
language = "en"
signature = "Test Office"
automatic = {automatic}
[caps]
per_thread = 100
per_sender_per_day = 100
per_hour = 10000
"""
KNOWLEDGE = "# Opening hours\n\n## Saturday\n\nWe are open on Saturday from 9:00 to 13:00.\n"


class DaemonProcess:
    """Prepares an office below ``directory`` and runs ``appliance serve`` on it."""

    def __init__(
        self,
        directory: Path,
        *,
        automatic: bool = False,
        flow: str = "undo_seconds = 0.0\nretry_seconds = 0.2\n",
        engine: str = 'kind = "scripted"\nslots = 2\n',
        command: tuple[str, ...] = ("-m", "appliance"),
        state: Path | None = None,
        measured: bool = True,
        account: str = "",
        poll_seconds: float = 1.0,
    ) -> None:
        """``account``: TOML of a ``[[mailbox]]`` that is no folder, behind name and office."""
        self.directory = directory
        self.mail = directory / "mail"
        self.state = state or directory / "state"
        self.socket = directory / "control.sock"
        self.log = directory / "daemon.log"
        self.config = directory / "appliance.toml"
        self.command = command
        self.measured = measured
        self.variables: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)
        office = directory / "office"
        (office / "knowledge").mkdir(parents=True)
        (office / "office.toml").write_text(OFFICE.format(automatic=str(automatic).lower()))
        (office / "knowledge" / "hours.md").write_text(KNOWLEDGE)
        self.config.write_text(
            f'state = "{self.state}"\nsocket = "{self.socket}"\n'
            f'[[mailbox]]\nname = "desk"\noffice = "{office}"\npoll_seconds = {poll_seconds}\n'
            + (account or f'path = "{self.mail}"\n')
            + f"[engine]\n{engine}[flow]\n{flow}"
        )

    def environment(self) -> dict[str, str]:
        """A process that is killed tells coverage nothing and would only start slower for it."""
        kept = os.environ.items()
        if not self.measured:
            kept = {key: one for key, one in kept if not key.startswith("COVERAGE")}.items()
        return {**dict(kept), **self.variables}

    @property
    def client(self) -> Client:
        return Client(self.socket)

    def start(self, *arguments: str, wait: bool = True) -> None:
        command = [sys.executable, *self.command, *arguments]
        command += ["--config", str(self.config), "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env=self.environment()
            )
        if wait:
            self.until(lambda: self.answers() or self.ended())
            assert not self.ended(), self.log.read_text()[-3000:]

    def answers(self) -> bool:
        try:
            self.client.call("status")
        except DaemonUnreachable:
            return False
        return True

    def _end(self) -> None:
        """What a failed test left running ends with the test run."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 30.0) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(seconds)

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def deliver(self, name: str, raw: bytes) -> None:
        for folder in ("tmp", "new", "cur"):
            (self.mail / folder).mkdir(parents=True, exist_ok=True)
        waiting = self.mail / "tmp" / name
        waiting.write_bytes(raw)
        waiting.rename(self.mail / "new" / name)

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.client.call("mail.list", limit=200))

    def states(self) -> list[str]:
        return sorted(job["state"] for job in self.jobs())

    def states_on_disk(self) -> list[str]:
        """The states as the store holds them, read without a daemon."""
        with closing(
            sqlite3.connect(f"file:{self.state / 'appliance.sqlite3'}?mode=ro", uri=True)
        ) as store:
            return sorted(row[0] for row in store.execute("SELECT state FROM job"))

    def until(self, true: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for something to become true; the limit only ends a test that would hang."""
        deadline = monotonic() + seconds
        never = threading.Event()
        while not true():
            assert monotonic() < deadline, (
                f"It never came true. Log:\n{self.log.read_text()[-3000:]}"
            )
            never.wait(0.05)

    def in_folder(self, folder: str) -> list[Path]:
        return sorted(
            path
            for part in ("new", "cur")
            for path in (self.mail / folder / part).glob("*")
            if path.is_file()
        )
