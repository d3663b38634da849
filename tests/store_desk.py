"""A desk at a store of mails: a daemon on its account, and the people who use it beside that."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.daemon_process import DaemonProcess
from tests.servers.ews import EwsServer
from tests.servers.ews_item import LAST_VERB, LAST_VERB_TIME, REPLIED, Item, Value
from tests.servers.ews_render import rendered
from tests.servers.graph import GraphServer
from tests.store_site import DESK, KINDS, StoreSite, store_site, unspoken


class People:
    """What people at the account do in their mail programs; mails are named by Message-ID."""

    def __init__(self, site: StoreSite) -> None:
        self._site = site

    def sends(self, raw: bytes) -> None:
        """Somebody wrote and sent a mail."""
        if self._site.graph is not None:
            self._site.graph.person_sends(DESK, raw)
        else:
            self._ews.person_sends(DESK, raw)

    def sends_draft(self, message_id: str) -> None:
        """Somebody opens a draft and sends it as it is."""
        if self._site.graph is not None:
            self._site.graph.send_draft(DESK, message_id)
            return
        store = self._ews.store
        with store.lock:
            item = self._item("Drafts", message_id)
            item.draft, item.read, item.sent = False, True, datetime.now(UTC)
            store.post(item, rendered(item))
            store.move(item, store.named(DESK, "Sent"))

    def answers_elsewhere(self, message_id: str) -> None:
        """Outlook marks a mail as answered, and keeps the answer somewhere else."""
        if self._site.graph is not None:
            self._site.graph.mark_replied(DESK, message_id)
            return
        with self._ews.store.lock:
            item = self._item("Inbox", message_id)
            now = self._ews.store.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            item.extended[LAST_VERB] = Value(LAST_VERB, (REPLIED,))
            item.extended[LAST_VERB_TIME] = Value(LAST_VERB_TIME, (now,))
            self._ews.store.touch(item, (str(LAST_VERB),))

    def moves(self, message_id: str, to: str, *, source: str = "Inbox") -> None:
        """Somebody drags a mail from one folder to another, which is made where it is missing."""
        if self._site.graph is not None:
            if not self._has(to):
                self._site.graph.create_folder(DESK, to)
            self._site.graph.move(DESK, message_id, to)
            return
        if not self._has(to):
            self._ews.create_folder(DESK, to)
        self._ews.move(self._item(source, message_id).id, to)

    def deletes(self, message_id: str) -> None:
        """Somebody deletes a mail of the inbox for good."""
        if self._site.graph is not None:
            self._site.graph.delete(DESK, message_id, for_good=True)
        else:
            self._ews.delete(self._item("Inbox", message_id).id)

    def throws_away(self, folder: str) -> None:
        """Somebody deletes a folder with all that is in it, and empties the bin."""
        if self._site.graph is not None:
            self._site.graph.delete_folder(DESK, folder)
        else:
            self._ews.delete_folder(DESK, folder)

    def _has(self, folder: str) -> bool:
        if self._site.graph is None:
            return self._ews.has_folder(DESK, folder)
        return self._site.graph.has_folder(DESK, folder)

    def _item(self, folder: str, message_id: str) -> Item:
        return self._ews.find(DESK, folder, message_id)

    @property
    def _ews(self) -> EwsServer:
        assert self._site.ews is not None
        return self._site.ews
