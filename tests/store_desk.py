"""A desk at a store of mails: a daemon on its account, and the people who use it beside that."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.daemon_process import DaemonProcess
from tests.servers.ews import EwsServer
from tests.servers.ews_item import LAST_VERB, LAST_VERB_TIME, REPLIED, Item, Value
from tests.servers.ews_render import rendered
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
        self._make(to)
        if self._site.graph is not None:
            self._site.graph.move(DESK, message_id, to)
        else:
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
            store = self._site.graph._stores[DESK]
            with self._site.graph._lock:
                found = store.named(folder)
                for item in tuple(found.items.values()):
                    store.purge(item)
                del store._folders[found.id]
            return
        kept = self._ews.store
        with kept.lock:
            place = kept.named(DESK, folder)
            for each in tuple(place.items.values()):
                kept.delete(each)
            del kept.mailboxes[DESK].folders[place.id], kept.folders[place.id]

    def _make(self, folder: str) -> None:
        if self._site.graph is not None:
            store = self._site.graph._stores[DESK]
            if not any(one.name == folder for one in store.children(store.root)):
                self._site.graph.create_folder(DESK, folder)
            return
        top = self._ews.store.named(DESK, "msgfolderroot")
        if not any(one.name == folder for one in self._ews.store.inside(top)):
            self._ews.create_folder(DESK, folder)

    def _item(self, folder: str, message_id: str) -> Item:
        return self._ews.find(DESK, folder, message_id)

    @property
    def _ews(self) -> EwsServer:
        assert self._site.ews is not None
        return self._site.ews


@dataclass(slots=True, kw_only=True)
class StoreDesk:
    """One account with all that is around it; mails are named by the number of their customer."""

    site: StoreSite
    daemon: DaemonProcess
    people: People

    @property
    def kind(self) -> str:
        return self.site.kind

    def deliver(self, *numbers: int) -> None:
        self.site.deliver(*numbers)

    def lying(self, folder: str) -> list[bytes]:
        return self.site.lying(folder)

    def job(self, number: int) -> dict[str, Any]:
        """The row of the mail of customer ``number``."""
        (row,) = (row for row in self.daemon.jobs() if row["subject"] == f"Question {number}")
        return row

    def state(self, number: int) -> str:
        """Its state, empty while it is not there."""
        rows = [row for row in self.daemon.jobs() if row["subject"] == f"Question {number}"]
        return str(rows[0]["state"]) if rows else ""

    def until_state(self, number: int, state: str) -> None:
        self.daemon.until(lambda: self.state(number) == state)

    def until_lying(self, folder: str, mails: int) -> None:
        self.daemon.until(lambda: len(self.lying(folder)) == mails)

    def approve(self, *numbers: int) -> None:
        for number in numbers:
            self.daemon.client.call("mail.approve", id=self.job(number)["id"])

    def answered_once(self, *numbers: int) -> bool:
        """Whether each of these got one answer, and nobody else any."""
        return self.site.posted() == Counter(map(question, numbers))

    def until_answered_once(self, *numbers: int) -> None:
        self.daemon.until(lambda: self.answered_once(*numbers))

    def until_filed(self) -> None:
        """Until no mail is to be moved any more, not even one that somebody else moved."""
        self.daemon.until(lambda: unfiled(self.daemon) == 0)

    def until_calm(self) -> None:
        """Until nothing is wrong."""
        self.daemon.until(lambda: troubles(self.daemon) == {})


def question(number: int) -> str:
    """The Message-ID of the mail of customer ``number``."""
    return f"question-{number}@customers.example"


def troubles(daemon: DaemonProcess) -> dict[str, str]:
    """What is wrong by part."""
    status = daemon.client.call("status")
    return {trouble["part"]: trouble["reason"] for trouble in status["troubles"]}


def contact(daemon: DaemonProcess) -> str:
    """How well the mailbox is heard of."""
    return str(daemon.client.call("status")["mailboxes"][0]["contact"])


def stored(daemon: DaemonProcess) -> int:
    """The mails on disk, counted beside the daemon so that it need not answer."""
    return len(daemon.states_on_disk())


def unfiled(daemon: DaemonProcess) -> int:
    """The mails of which it does not know yet that they lie where they belong."""
    file = f"file:{daemon.state / 'appliance.sqlite3'}?mode=ro"
    with closing(sqlite3.connect(file, uri=True)) as store:
        return int(store.execute("SELECT count(*) FROM job WHERE lies <> belongs").fetchone()[0])


@contextmanager
def store_desk(
    kind: str, directory: Path, *, server: Mapping[str, Any] | None = None, **options: Any
) -> Iterator[StoreDesk]:
    """A site with a running daemon; at the end nothing of a mail and no secret stands in its log.

    Args:
        kind: one of ``KINDS``.
        directory: of all its files.
        server: further options of the server.
        options: as those of ``DaemonProcess``, and ``extra`` lines of the account's own table.
    """
    with store_site(kind, directory / kind, **(server or {})) as site:
        daemon = site.daemon(**options)
        daemon.start()
        yield StoreDesk(site=site, daemon=daemon, people=People(site))
        if not daemon.ended():
            assert daemon.stop() == 0
        unspoken(daemon)


def everywhere(
    directory: Path,
    act: Callable[[StoreDesk], None],
    *,
    kinds: Iterable[str] = KINDS,
    **options: Any,
) -> None:
    """Do the same at desks of several kinds at once, as ``together``; ``options``: ``store_desk``."""

    def acted(kind: str) -> None:
        with store_desk(kind, directory, **options) as desk:
            act(desk)

    together(kinds, acted)


def together(ways: Iterable[str], act: Callable[[str], None]) -> None:
    """Do the same in several ways at once, for most of the time is waiting.

    Raises what went wrong in the first of them, with its name.
    """
    wanted = tuple(ways)

    def noted(way: str) -> None:
        try:
            act(way)
        except BaseException as error:
            error.add_note(f"This was {way}.")
            raise

    with ThreadPoolExecutor(len(wanted)) as pool:
        done = [pool.submit(noted, way) for way in wanted]
    for one in done:
        one.result()
