"""A daemon of one's own on a temporary office: started, fed, watched and stopped."""

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

from appliance.cli.output import fitted
from appliance.cli.words import named
from appliance.cli.words import words as _
from appliance.control.client import Client
from appliance.domain.errors import (
    ApplianceError,
    DaemonUnreachable,
    ModelUnusable,
    OperatorError,
)

Say = Callable[[str], None]

_START_SECONDS: Final = 60.0
_STALL_SECONDS: Final = 900.0
_STOP_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.5
_UNFINISHED: Final = frozenset({"received", "screened", "approved", "sending"})


class Rehearsal:
    """A context manager: the daemon runs inside the ``with`` block and is stopped at its end."""

    def __init__(self, *, directory: Path, model: Path, slots: int) -> None:
        self._directory = directory
        self._model = model
        self._slots = slots
        self._process: subprocess.Popen[bytes] | None = None
        self._never = threading.Event()
        self._delivered = 0
        self._client = Client(directory / "control.sock")

    def prepare(self, sample: Path) -> None:
        """Make the office and the configuration.

        Raises:
            OperatorError: the directory is in use, or cannot be written to.
        """
        if any((self._directory / part).exists() for part in ("state", "office")):
            raise OperatorError(
                _("{path} holds an earlier run; name another directory.").format(
                    path=self._directory
                )
            )
        office = self._directory / "office"
        try:
            office.mkdir(parents=True)
        except OSError as error:
            raise OperatorError(
                _("{path}: it cannot be made: {why}.").format(
                    path=self._directory, why=error.strerror
                )
            ) from error
        shutil.copytree(sample / "knowledge", office / "knowledge")
        shutil.copy(sample / "office.toml", office / "office.toml")
        # A JSON string is a TOML basic string.
        quoted = {
            name: json.dumps(str(path))
            for name, path in {
                "state": self._directory / "state",
                "socket": self._directory / "control.sock",
                "office": office,
                "mail": self._directory / "mail",
                "model": self._model,
            }.items()
        }
        (self._directory / "appliance.toml").write_text(
            "state = {state}\nsocket = {socket}\n\n"
            '[[mailbox]]\nname = "demo"\nkind = "folder"\noffice = {office}\npath = {mail}\n'
            "poll_seconds = 2.0\n\n"
            "[engine]\nmodel = {model}\ncontext = 4096\nslots = {slots}\n".format(
                **quoted, slots=self._slots
            ),
            "utf-8",
        )

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "appliance"]
        command += ["--config", str(self._directory / "appliance.toml"), "serve"]
        with (self._directory / "daemon.log").open("wb") as journal:
            self._process = subprocess.Popen(command, stdout=journal, stderr=journal)  # noqa: S603 - our own program
        try:
            self._await_start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _await_start(self) -> None:
        deadline = monotonic() + _START_SECONDS
        while monotonic() < deadline:
            with contextlib.suppress(DaemonUnreachable):
                self._client.call("status")
                return
            self._alive()
            self._never.wait(_LOOK_SECONDS)
        raise DaemonUnreachable(_("The daemon did not start in time."))

    def _alive(self) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            journal = (self._directory / "daemon.log").read_text("utf-8", "replace")
            raise OperatorError(_("The daemon ended. It said:\n{log}").format(log=journal[-2000:]))

    def _end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def deliver(self, mails: Path, say: Say) -> None:
        """Drop every mail of a directory into the mailbox, as a mail server would."""
        inbox = self._directory / "mail"
        for mail in sorted(mails.glob("*.eml")):
            waiting = inbox / "tmp" / mail.name
            shutil.copyfile(mail, waiting)
            waiting.rename(inbox / "new" / mail.name)
            self._delivered += 1
        say(_("{count} mails delivered.").format(count=self._delivered))

    def watch(self, say: Say) -> list[dict[str, Any]]:
        """Report each change until every mail has a state that waits for nobody.

        Returns:
            What ``mail show`` tells of each mail.

        Raises:
            ModelUnusable: no engine can be made of the model file.
            ApplianceError: the daemon ended, or nothing moved for 15 minutes.
        """
        known: dict[int, str] = {}
        told = ""
        moved = monotonic()
        while True:
            self._alive()
            rows = self._client.call("mail.list", limit=200)
            for row in reversed(rows):
                if known.get(row["id"]) != row["state"]:
                    known[row["id"]] = row["state"]
                    moved = monotonic()
                    say(f"  {fitted(named(row['state']), 9)} {row['subject']}")
            if len(rows) >= self._delivered and not _UNFINISHED & set(known.values()):
                return [self._client.call("mail.show", id=row["id"]) for row in rows]
            trouble = self._trouble()
            if trouble and trouble != told:
                say(f"  [!] {trouble}")
                told = trouble
            if monotonic() - moved > _STALL_SECONDS:
                raise ApplianceError(_("Nothing has moved for 15 minutes."))
            self._never.wait(_LOOK_SECONDS)

    def _trouble(self) -> str:
        troubles = self._client.call("status")["troubles"]
        for item in troubles:
            if item["part"] == "engine":
                raise ModelUnusable(item["reason"])
        return "; ".join(item["reason"] for item in troubles)
