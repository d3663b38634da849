"""What trying out a mailbox brings, and the probe of a folder mailbox."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.domain.errors import ApplianceError, CredentialsRefused, TransientError
from appliance.mailbox.maildir import Folder, Maildir

State = Literal["ok", "warn", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that was tried.

    Attributes:
        name: what was tried, as a fixed word: ``sign_in``, ``imap``, ``folders``, ``draft``,
            ``claim``, ``smtp``, ``round_trip``, ``folder``; for exchange and graph also
            ``server``, ``mailbox``, ``other``, ``send``, ``online``, ``marking``.
        state: how it went; skipped where something before it failed.
        found: what came of it, as a fixed word; whoever shows it has the sentence.
        values: what that sentence names; quotes no mail and no secret.
        learned: what the configuration may use: ``authserv_id``, ``sent_copy``, ``send``.
    """

    name: str
    state: State
    found: str
    values: tuple[tuple[str, str], ...] = ()
    learned: tuple[tuple[str, str], ...] = ()


def failed(name: str, error: ApplianceError) -> Probe:
    """What a probe brought that ended with an error."""
    match error:
        case CredentialsRefused():
            found = "refused"
        case TransientError():
            found = "unreachable"
        case _:
            found = "wrong"
    return Probe(name=name, state="failed", found=found, values=(("reason", str(error)),))


def skipped(name: str, found: str) -> Probe:
    """What was not tried, and why."""
    return Probe(name=name, state="skipped", found=found)


def tried(name: str, act: Callable[[], Probe]) -> Probe:
    """What ``act`` brings, or how it failed."""
    try:
        return act()
    except ApplianceError as error:
        return failed(name, error)


def authserv_id(head: bytes) -> str:
    """The authserv-id of the first Authentication-Results (RFC 8601 §2.2), or nothing.

    Exchange Online writes results without one: nobody is named there who could be trusted.
    """
    plain = head.replace(b"\r\n", b"\n").replace(b"\n ", b" ").replace(b"\n\t", b" ")
    for line in plain.decode("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "authentication-results":
            words = value.partition(";")[0].split()
            return words[0] if words and "=" not in words[0] else ""
    return ""


def folder_probe(path: Path, *, name: str) -> Probe:
    """Whether the Maildir is there and can be written to; makes nothing that is not there."""
    maildir = Maildir(name=name, root=path)
    place = ("path", str(path))
    try:
        if not path.is_dir():
            return Probe(name="folder", state="warn", found="no_folder", values=(place,))
        maildir.require()
        waiting = len(maildir.files(Folder.INBOX))
    except ApplianceError as error:
        return failed("folder", error)
    values = (place, ("waiting", str(waiting)))
    return Probe(name="folder", state="ok", found="folder", values=values)
