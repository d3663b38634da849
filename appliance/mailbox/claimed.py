"""Who claims an account, read without claiming it: for trying a mailbox out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from appliance.mailbox.claim import BOX_HEADER, HOST_HEADER
from appliance.mailbox.folders import Folders
from appliance.mailbox.identity import BOX_FILE
from appliance.mailbox.places import Place
from appliance.mailbox.whereabouts import HEADER


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One claim: whose, the name of its machine, and when it was written by the server's time."""

    box: str
    host: str
    written: datetime


def claims_on(client: IMAPClient, folders: Folders) -> list[Claimed]:
    """The claims on an account, living or not; makes and changes nothing."""
    if Place.CLAIM not in folders.known(client):
        return []
    folders.select(client, Place.CLAIM, readonly=True)
    uids = client.search(["UNDELETED"])
    answers = client.fetch(uids, [HEADER, "INTERNALDATE"]) if uids else {}
    found = (_claimed(answer) for answer in answers.values())
    return [one for one in found if one is not None]


def known_box(state: Path) -> str:
    """What tells this box from every other, or nothing where no service has run yet.

    Raises:
        PermissionError: only the service may read it.
    """
    try:
        return (state / BOX_FILE).read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def stored(answer: dict[bytes, Any]) -> datetime | None:
    """When the server stored a mail (INTERNALDATE), where the answer tells."""
    written = answer.get(b"INTERNALDATE")
    return written.astimezone(UTC) if isinstance(written, datetime) else None


def _claimed(answer: dict[bytes, Any]) -> Claimed | None:
    head = message_from_bytes(answer.get(b"BODY[HEADER]") or b"")
    box, written = str(head.get(BOX_HEADER, "")).strip(), stored(answer)
    if not box or written is None:
        return None
    # It goes to a terminal.
    host = "".join(sign for sign in str(head.get(HOST_HEADER, "?")) if sign.isprintable())
    return Claimed(box=box, host=host.strip()[:100], written=written)
