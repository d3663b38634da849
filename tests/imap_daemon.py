"""A real daemon on an account at a real Dovecot, sending through a real relay."""

from pathlib import Path
from typing import Any

from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD, USER

PATIENT = "attempts = 100\nundo_seconds = 0.0\nretry_seconds = 0.2\ndoubt_seconds = 1.0\n"


def account_toml(imap: int, smtp: int, *, user: str = USER, extra: str = "") -> str:
    """``[[mailbox]]`` from ``kind`` on; ``extra`` are further lines of ``[mailbox.imap]``."""
    return (
        'kind = "imap"\n'
        f'[mailbox.sign_in]\nuser = "{user}"\nsecret = "desk"\n'
        f'[mailbox.imap]\nhost = "127.0.0.1"\nport = {imap}\nsecurity = "none"\n{extra}'
        f'[mailbox.smtp]\nhost = "127.0.0.1"\nport = {smtp}\nsecurity = "none"\n'
    )


def imap_daemon(
    directory: Path,
    *,
    imap: int,
    smtp: int,
    user: str = USER,
    extra: str = "",
    more: str = "",
    **options: Any,
) -> DaemonProcess:
    """A daemon for ``user`` whose servers listen at the ports ``imap`` and ``smtp``.

    ``more`` are further ``[[mailbox]]`` as TOML.
    """
    options.setdefault("flow", PATIENT)
    daemon = DaemonProcess(
        directory, account=account_toml(imap, smtp, user=user, extra=extra) + more, **options
    )
    secrets = directory / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "desk").write_text(f"{PASSWORD}\n")
    (secrets / "desk").chmod(0o600)
    return daemon
