"""What people sent from an IMAP account with their own mail programs, read from its Sent folder."""

from datetime import timedelta
from typing import Final

from imapclient import IMAPClient

from appliance.config.accounts import ImapSettings
from appliance.domain.mail import Batch, Cursor
from appliance.domain.ports import Clock
from appliance.mailbox import mime
from appliance.mailbox.folders import Folders
from appliance.mailbox.places import Place

_MEGABYTE: Final = 1024 * 1024


class SentMail:
    """The Sent folder; its cursor is UIDVALIDITY and the newest UID that was looked at."""

    def __init__(
        self, *, mailbox: str, settings: ImapSettings, folders: Folders, clock: Clock
    ) -> None:
        self._mailbox = mailbox
        self._settings = settings
        self._folders = folders
        self._clock = clock

    def fetch(self, client: IMAPClient, since: Cursor | None, limit: int) -> Batch:
        """At most ``limit`` mails beyond the cursor; without one those of the first look's days."""
        selected = self._folders.select(client, Place.SENT, readonly=True)
        validity = int(selected.get(b"UIDVALIDITY", 0))
        newest = int(selected.get(b"UIDNEXT", 1)) - 1
        last = _last(since, validity)
        if not selected.get(b"EXISTS") or (last is not None and last >= newest > 0):
            return Batch(messages=(), cursor=since)
        if last is None:
            days = timedelta(days=min(self._settings.backlog_days, 3650))
            first = (self._clock.now() - days).date()
            uids = sorted(client.search(["UNDELETED", "SINCE", first]))
        else:
            uids = sorted(u for u in client.search(["UID", f"{last + 1}:*"]) if u > last)
        chosen = uids[:limit]
        sizes = client.fetch(chosen, ["RFC822.SIZE"]) if chosen else {}
        largest = self._settings.largest_mb * _MEGABYTE
        messages = []
        for uid in chosen:
            if uid in sizes and sizes[uid].get(b"RFC822.SIZE", 0) <= largest:
                raw = client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
                if raw:
                    messages.append(mime.read(raw, mailbox=self._mailbox, uid=f"sent.{uid}"))
        reached = chosen[-1] if len(chosen) < len(uids) else max(newest, *(chosen or [0]))
        return Batch(messages=tuple(messages), cursor=Cursor(f"{validity}.{reached}"))


def _last(cursor: Cursor | None, validity: int) -> int | None:
    known, _, last = (cursor or "").partition(".")
    if not known.isdecimal() or not last.isdecimal() or int(known) != validity:
        return None
    return int(last)
