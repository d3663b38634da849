"""Mails of an IMAP inbox that somebody's mail program marked as answered."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from imapclient import IMAPClient

from appliance.mailbox.whereabouts import HEADER, META, key_of

_AT_ONCE: Final = 200


class Marks:
    r"""The ``\Answered`` flags of the inbox, each told once in a run."""

    def __init__(self) -> None:
        self._validity = 0
        self._told: set[int] = set()
        self._unchanged: object = None

    def fresh(
        self, client: IMAPClient, selected: Mapping[bytes, Any], since: date
    ) -> tuple[str, ...]:
        """Keys of mails since ``since`` that carry the flag and were not told yet.

        Where the server counts changes (CONDSTORE, RFC 7162), nothing is asked for as long as it
        counted none.
        """
        validity = int(selected.get(b"UIDVALIDITY", 0))
        changes = selected.get(b"HIGHESTMODSEQ")
        if validity != self._validity:
            self._validity, self._unchanged = validity, None
            self._told.clear()
        if changes is not None and changes == self._unchanged:
            return ()
        flagged = client.search(["ANSWERED", "UNDELETED", "SINCE", since])
        uids = [uid for uid in flagged if uid not in self._told][:_AT_ONCE]
        answers = client.fetch(uids, [*META, HEADER]) if uids else {}
        self._told.update(uids)
        self._unchanged = changes if len(uids) < _AT_ONCE else None
        return tuple(key_of(answer) for answer in answers.values())
