"""A real Dovecot in processes of its own: IMAP, submission and delivery on 127.0.0.1."""

import atexit
import base64
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import jwt
import trustme
from imapclient import IMAPClient

from tests.servers.dovecot_config import (
    AS_ROOT,
    BINARY,
    LAUNCHER,
    OWNER,
    Place,
    Setup,
    configuration,
    version,
)

KEY = b"a key of the tests, long enough for HS256"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Dovecot:
    """One mail server with the accounts of ``users`` (address to password); use it in ``with``.

    ``relay`` is where submission hands mail on; without it there is no submission.
    The ports and the mail outlive ``stop`` and ``kill``; leaving ``with`` removes everything.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        setup: Setup | None = None,
        *,
        relay: tuple[str, int] | None = None,
        ca: trustme.CA | None = None,
        launcher: tuple[str, ...] = LAUNCHER,
        binary: str = BINARY,
    ) -> None:
        self.users = dict(users)
        self.setup = setup or Setup()
        self.host = self.setup.host
        self.ca = ca or trustme.CA()
        self.command = (*launcher, binary)
        self.launcher = launcher
        # Not below pytest's directory: the path of a Unix socket must be short.
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.imap, self.imaps, self.submission, self.submissions = (free_port() for _ in range(4))
        self.ca_file = self.directory / "ca.pem"
        self.log = self.directory / "dovecot.log"
        self.lmtp = self.directory / "run" / "lmtp"
        self.process: subprocess.Popen[bytes] | None = None
        place = Place(
            directory=self.directory,
            imap=self.imap,
            imaps=self.imaps,
            submission=self.submission,
            submissions=self.submissions,
            relay=relay,
        )
        atexit.register(self.close)
        self._write(configuration(version(launcher, binary), self.setup, place))

    def _write(self, files: Mapping[str, str]) -> None:
        for name in ("mail", "run", "state", "keys/default/HS256"):
            (self.directory / name).mkdir(parents=True)
        for name, text in files.items():
            (self.directory / name).write_text(text)
        (self.directory / "keys/default/HS256/default").write_bytes(base64.b64encode(KEY))
        self.ca.cert_pem.write_to_path(self.ca_file)
        certificate = self.ca.issue_cert(*self.setup.certificate_names)
        certificate.private_key_pem.write_to_path(self.directory / "server.key")
        for part in certificate.cert_chain_pems:
            part.write_to_path(self.directory / "server.pem", append=True)
        self._write_users()
        if AS_ROOT:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, OWNER.pw_uid, OWNER.pw_gid)

    def _write_users(self) -> None:
        lines = (f"{user}:{{PLAIN}}{password}::::::\n" for user, password in self.users.items())
        (self.directory / "users").write_text("".join(lines))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Returns as soon as it greets; what was mis-configured is in the error."""
        assert self.process is None, "It runs already."
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*self.command, "-F", "-c", str(self.directory / "dovecot.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline, never = time.monotonic() + 20, threading.Event()
        while not (self._greets() and self.lmtp.exists()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.said()
                self.close()
                raise AssertionError(said)
            never.wait(0.01)

    def said(self) -> str:
        """The end of what it wrote to its output and its log, for a failed test."""
        parts = (self.directory / "output", self.log)
        return "\n".join(p.read_text(errors="replace")[-3000:] for p in parts if p.exists())

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.host, self.imap), timeout=5) as client:
                return client.makefile("rb").readline().startswith(b"* OK")
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it in order; connected clients are told BYE."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Every one of its processes ends at once, in the middle of whatever it did."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if how is signal.SIGTERM:
            process.terminate()
        elif process.poll() is None:
            # Its own session, begun for it above: the children, too, and nobody else.
            os.killpg(process.pid, how)
        process.wait(20)
        deadline, never = time.monotonic() + 5, threading.Event()
        while self._listens() and time.monotonic() < deadline:
            never.wait(0.01)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.imap)) == 0

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.kill()
        atexit.unregister(self.close)
        shutil.rmtree(self.directory, ignore_errors=True)

    def jwt(self, user: str, seconds_valid: float = 3600, key: bytes = KEY) -> str:
        """An access token for ``user``; one of another ``key``, or a past one, is refused."""
        now = int(time.time())
        begins = now - 10 + min(0, int(seconds_valid))
        times = {"iat": begins, "nbf": begins, "exp": now + int(seconds_valid)}
        return jwt.encode({"email": user, "sub": user, **times}, key, algorithm="HS256")

    def set_password(self, user: str, password: str) -> None:
        """Holds for the next login; sessions that are open stay open."""
        self.users[user] = password
        self._write_users()

    @contextmanager
    def session(self, user: str, folder: str | None = None) -> Iterator[IMAPClient]:
        """A client of its own, logged in as ``user`` with the password or with a token."""
        with IMAPClient(self.host, port=self.imap, ssl=False, timeout=20) as client:
            if "plain" in self.setup.mechanisms:
                client.plain_login(user, self.users[user])
            else:
                client.oauth2_login(user, self.jwt(user))
            if folder is not None:
                client.select_folder(folder)
            yield client

    def deliver(self, user: str, raw: bytes, sender: str = "") -> None:
        """A mail comes in from outside; ``sender`` is its return path."""
        with smtplib.LMTP(str(self.lmtp)) as lmtp:
            lmtp.sendmail(sender, [user], raw)

    def append(
        self, user: str, folder: str, raw: bytes, when: datetime | None = None, **more: Any
    ) -> None:
        """Another program of the user files a mail; ``more`` is for IMAPClient, as ``flags=``."""
        with self.session(user) as client:
            client.append(folder, raw, msg_time=when, **more)

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The mails of a folder as they lie there, oldest first."""
        return [fetched[b"BODY[]"] for fetched in self._fetch(user, folder, "BODY.PEEK[]")]

    def flags(self, user: str, folder: str = "INBOX") -> list[set[bytes]]:
        """The flags and keywords of each mail in the order of ``messages``."""
        return [set(fetched[b"FLAGS"]) for fetched in self._fetch(user, folder, "FLAGS")]

    def _fetch(self, user: str, folder: str, what: str) -> list[dict[bytes, Any]]:
        with self.session(user) as client:
            client.select_folder(folder, readonly=True)
            uids = sorted(client.search("ALL"))
            fetched = client.fetch(uids, [what]) if uids else {}
            return [fetched[uid] for uid in uids]

    def folders(self, user: str) -> list[str]:
        with self.session(user) as client:
            return sorted(name for _, _, name in client.list_folders())

    def delete_folder(self, user: str, folder: str) -> None:
        with self.session(user) as client:
            client.delete_folder(folder)

    def reset_uidvalidity(self, user: str, folder: str = "INBOX") -> int:
        """The folder gets another UIDVALIDITY, which is returned; its mails stay."""
        with self.session(user) as client:
            old = int(client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"])
        self.doveadm("mailbox", "update", "-u", user, "--uid-validity", str(old + 1), folder)
        return old + 1

    def doveadm(self, *arguments: str) -> str:
        """What ``doveadm`` answers on this server."""
        command = [*self.launcher, "doveadm", "-c", str(self.directory / "dovecot.conf")]
        done = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout
