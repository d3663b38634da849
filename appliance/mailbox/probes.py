"""What trying out a mailbox brings, and the probe of a folder mailbox."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.domain.errors import ApplianceError
from appliance.mailbox.maildir import Folder, Maildir

State = Literal["ok", "warn", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that was tried.

    Attributes:
        name: what was tried, as a fixed word: ``imap``, ``folders``, ``draft``, ``smtp``,
            ``round_trip``, ``folder``.
        state: how it went; skipped where something before it failed.
        said: a sentence for the administrator; quotes no mail and no secret.
        learned: what the configuration may use: ``authserv_id``, ``sent_copy``.
    """

    name: str
    state: State
    said: str
    learned: tuple[tuple[str, str], ...] = ()


def folder_probe(path: Path, *, name: str) -> Probe:
    """Whether the Maildir is there and can be written to; makes nothing that is not there."""
    maildir = Maildir(name=name, root=path)
    try:
        if not path.is_dir():
            return Probe(
                name="folder", state="warn", said=f"{path} is not there yet; the service makes it."
            )
        maildir.require()
        waiting = len(maildir.files(Folder.INBOX))
    except ApplianceError as error:
        return Probe(name="folder", state="failed", said=str(error))
    return Probe(name="folder", state="ok", said=f"{path}: {waiting} mails in the inbox.")
