"""The mailboxes of the EWS server: folders, items, what changed in them, and what was announced."""

import base64
import hashlib
import itertools
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final, Literal

from tests.servers.ews_item import Item
from tests.servers.ews_personality import Personality

DISTINGUISHED: Final = (
    # name, name of the parent, display name, folder class
    ("root", "", "", ""),
    ("msgfolderroot", "root", "Top of Information Store", "IPF.Note"),
    ("recoverableitemsdeletions", "root", "Deletions", "IPF.Note"),
    ("calendar", "msgfolderroot", "Calendar", "IPF.Appointment"),
    ("contacts", "msgfolderroot", "Contacts", "IPF.Contact"),
    ("deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note"),
    ("drafts", "msgfolderroot", "Drafts", "IPF.Note"),
    ("inbox", "msgfolderroot", "Inbox", "IPF.Note"),
    ("journal", "msgfolderroot", "Journal", "IPF.Journal"),
    ("junkemail", "msgfolderroot", "Junk Email", "IPF.Note"),
    ("notes", "msgfolderroot", "Notes", "IPF.StickyNote"),
    ("outbox", "msgfolderroot", "Outbox", "IPF.Note"),
    ("sentitems", "msgfolderroot", "Sent Items", "IPF.Note"),
    ("tasks", "msgfolderroot", "Tasks", "IPF.Task"),
)
ALIASES: Final = {
    "Inbox": "inbox",
    "Sent": "sentitems",
    "Drafts": "drafts",
    "Outbox": "outbox",
    "Deleted": "deleteditems",
    "Junk": "junkemail",
}
"""Names by which tests call distinguished folders, whatever these are called for people."""

ChangeKind = Literal["create", "update", "read", "delete"]
EventKind = Literal["NewMail", "Created", "Deleted", "Modified", "Moved"]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a folder's log; ``item`` may have left the folder since."""

    kind: ChangeKind
    item_id: str
    change_key: str


@dataclass(slots=True, kw_only=True, eq=False)
class Folder:
    id: str
    mailbox: str
    name: str
    parent: "Folder | None"
    distinguished: str = ""
    folder_class: str = "IPF.Note"
    items: dict[str, Item] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What subscriptions hear of; ``at`` in seconds of the steady clock."""

    kind: EventKind
    folder: Folder
    item_id: str
    change_key: str
    at: float
    old_folder: Folder | None = None
    old_item_id: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Mailbox:
    address: str
    folders: dict[str, Folder] = field(default_factory=dict)
    distinguished: dict[str, Folder] = field(default_factory=dict)
    conversations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail that left: its recipients and what they got."""

    recipients: tuple[str, ...]
    raw: bytes


class Store:
    """The state of the server. ``lock`` guards all of it; every method here takes it."""

    def __init__(
        self,
        mailboxes: Iterable[str],
        personality: Personality,
        names: Mapping[str, str],
        steady: "Steady",
    ) -> None:
        self.personality = personality
        self.lock = threading.RLock()
        self.heard = threading.Condition(self.lock)
        self.steady = steady
        self.items: dict[str, Item] = {}
        self.folders: dict[str, Folder] = {}
        self.events: list[Event] = []
        self.posted: list[Posted] = []
        self._numbers = itertools.count(1)
        self._latest = datetime.now(UTC) - timedelta(days=1)
        self.mailboxes = {address.lower(): self._mailbox(address, names) for address in mailboxes}

    def _mailbox(self, address: str, names: Mapping[str, str]) -> Mailbox:
        mailbox = Mailbox(address=address.lower())
        for name, parent, display, folder_class in DISTINGUISHED:
            above = mailbox.distinguished.get(parent)
            shown = names.get(name, display)
            folder = self._folder(mailbox, above, shown, folder_class)
            folder.distinguished = name
            mailbox.distinguished[name] = folder
        return mailbox

    def _folder(
        self, mailbox: Mailbox, parent: Folder | None, name: str, folder_class: str
    ) -> Folder:
        folder = Folder(
            id=self.fresh_id("folder"),
            mailbox=mailbox.address,
            name=name,
            parent=parent,
            folder_class=folder_class,
        )
        mailbox.folders[folder.id] = folder
        self.folders[folder.id] = folder
        return folder

    def fresh_id(self, what: str) -> str:
        """As long and as odd as Exchange's, with capitals that matter."""
        seed = f"{what}/{next(self._numbers)}".encode()
        return "AAMkAD" + base64.b64encode(hashlib.sha512(seed).digest()).decode()

    def fresh_number(self) -> int:
        return next(self._numbers)

    def now(self) -> datetime:
        """Later than at every call before."""
        with self.lock:
            self._latest = max(datetime.now(UTC), self._latest + timedelta(milliseconds=1))
            return self._latest

    def create_folder(self, parent: Folder, name: str, folder_class: str = "IPF.Note") -> Folder:
        with self.lock:
            return self._folder(self.mailboxes[parent.mailbox], parent, name, folder_class)

    def inside(self, parent: Folder) -> list[Folder]:
        """The folders right below."""
        folders = self.mailboxes[parent.mailbox].folders.values()
        return [folder for folder in folders if folder.parent is parent]

    def named(self, mailbox: str, name: str) -> Folder:
        """A folder as tests call it: an alias, or the path below the top of the mailbox."""
        box = self.mailboxes[mailbox.lower()]
        if name in ALIASES or name in box.distinguished:
            return box.distinguished[ALIASES.get(name, name)]
        folder = box.distinguished["msgfolderroot"]
        for part in name.split("/"):
            found = [each for each in self.inside(folder) if each.name == part]
            if not found:
                raise KeyError(name)
            folder = found[0]
        return folder

    def new_item(self, folder: Folder, *, received: datetime | None = None) -> Item:
        """An empty item that lies nowhere yet."""
        now = self.now()
        number = self.fresh_number()
        return Item(
            id=self.fresh_id("item"),
            folder=folder,
            change=number,
            search_key=hashlib.md5(f"key/{number}".encode()).digest(),
            received=received or now,
            created=now,
            modified=now,
        )

    def put(self, item: Item, folder: Folder, *, mail: bool = False) -> None:
        """Lay an item into a folder and tell of it; ``mail``: it came from outside."""
        with self.lock:
            item.folder = folder
            item.conversation = self._conversation(item)
            self._lay(item, folder)
            self.tell("Created", folder, item)
            if mail:
                self.tell("NewMail", folder, item)

    def _lay(self, item: Item, folder: Folder) -> None:
        item.folder = folder
        folder.items[item.id] = item
        self.items[item.id] = item
        folder.log.append(Change("create", item.id, item.change_key))

    def _conversation(self, item: Item) -> str:
        """By what it answers, else by topic where it answers something unknown, else a new one."""
        known = self.mailboxes[item.folder.mailbox].conversations
        answered = re.findall(r"<[^<>]+>", f"{item.references} {item.in_reply_to}")
        ids = [item.message_id, *answered]
        subject = f"topic:{item.topic.lower()}"
        found = item.conversation or next((known[each] for each in ids if each in known), "")
        if not found and answered and item.topic:
            found = known.get(subject, "")
        found = found or self.fresh_id("conversation")[:96]
        for each in ids:
            if each:
                known.setdefault(each, found)
        known.setdefault(subject, found)
        return found

    def touch(self, item: Item, what: Iterable[str] = (), kind: ChangeKind = "update") -> None:
        """Give a new ChangeKey and tell of it; ``what``: the properties that changed."""
        with self.lock:
            item.change = self.fresh_number()
            item.modified = self.now()
            item.touched.update(dict.fromkeys(what, item.change))
            if self.items.get(item.id) is item:
                item.folder.log.append(Change(kind, item.id, item.change_key))
                self.tell("Modified", item.folder, item)

    def take(self, item: Item) -> None:
        """Remove an item; the caller looked whether it is there."""
        with self.lock:
            del self.items[item.id]
            del item.folder.items[item.id]
            item.folder.log.append(Change("delete", item.id, item.change_key))

    def delete(self, item: Item) -> None:
        with self.lock:
            self.take(item)
            self.tell("Deleted", item.folder, item)

    def move(self, item: Item, folder: Folder) -> None:
        """The id changes; everything else is kept, the search key too."""
        with self.lock:
            old_folder, old_id = item.folder, item.id
            self.take(item)
            item.id, item.change = self.fresh_id("item"), self.fresh_number()
            self._lay(item, folder)
            self.tell("Moved", folder, item, old_folder, old_id)

    def tell(
        self,
        kind: EventKind,
        folder: Folder,
        item: Item,
        old_folder: Folder | None = None,
        old_id: str = "",
    ) -> None:
        self.events.append(
            Event(
                kind=kind,
                folder=folder,
                item_id=item.id,
                change_key=item.change_key,
                at=self.steady(),
                old_folder=old_folder,
                old_item_id=old_id,
            )
        )
        self.heard.notify_all()

    def deliver(
        self, mailbox: str, raw: bytes, *, received: datetime | None = None, folder: str = "Inbox"
    ) -> Item:
        """As an MTA does: with a Received line of its own."""
        with self.lock:
            item = self.new_item(self.named(mailbox, folder), received=received)
            item.raw = raw
            item.received_line = (
                f"Received: from mx.example.com by mail.office.example.com with ESMTP id "
                f"{item.change:08X} for <{mailbox}>;\r\n {format_datetime(item.received)}\r\n"
            ).encode()
            item.take_headers(item.received_line + raw)
            item.take_unknown_headers()
            self.put(item, item.folder, mail=True)
            return item

    def file_sent(self, mailbox: str, raw: bytes) -> Item:
        """What a mail program files after it sent a mail."""
        with self.lock:
            item = self.new_item(self.named(mailbox, "Sent"))
            item.raw = raw
            item.take_headers(raw)
            item.take_unknown_headers()
            item.read = item.from_me = True
            self.put(item, item.folder)
            return item

    def post(self, item: Item, raw: bytes) -> None:
        """The mail leaves; what goes to a mailbox of ours arrives there."""
        recipients = tuple(box.address.lower() for box in (*item.to, *item.cc, *item.bcc))
        with self.lock:
            self.posted.append(Posted(recipients, raw))
            for address in dict.fromkeys(recipients):
                if address in self.mailboxes:
                    self.deliver(address, raw)


class Steady:
    """A steady clock in seconds that a test can push ahead."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def push(self, seconds: float) -> None:
        self._ahead += seconds
