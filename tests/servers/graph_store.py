"""What the Graph server keeps: mailboxes, folders, messages, and which of them changed when."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.servers.graph_errors import GraphError, malformed_id, not_found

STANDARD: Final = {
    "inbox": "Inbox",
    "drafts": "Drafts",
    "sentitems": "Sent Items",
    "outbox": "Outbox",
    "deleteditems": "Deleted Items",
    "junkemail": "Junk Email",
    "archive": "Archive",
    "conversationhistory": "Conversation History",
}
"""Well-known names of the folders at the top, with the names that people see."""
ROOT: Final = "msgfolderroot"
DELETIONS: Final = "recoverableitemsdeletions"
LAST_VERB: Final = "Integer 0x1081"
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
Headers = list[tuple[str, str]]


@dataclass(slots=True, eq=False)
class Folder:
    """A folder; its id never changes."""

    id: str
    name: str
    known_as: str = ""
    parent: "Folder | None" = None
    items: "dict[int, Item]" = field(default_factory=dict)
    gone: "dict[str, Gone]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gone:
    """What lay in a folder and does not any more: its two ids, and when it came and went."""

    id: str
    immutable: str
    serial: int
    entered: int
    left: int


@dataclass(slots=True, eq=False)
class Item:
    """A message.

    ``given`` is what was delivered or filed, to the letter, and ``trace`` the Received line in
    front of it; ``sent`` is what the API made and sent. A draft of the API has neither. ``fields``
    are its properties as JSON has them; ``properties`` the extended ones by their normal id.
    """

    serial: int
    folder: Folder
    received: datetime
    fields: dict[str, Any]
    headers: Headers = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    given: bytes | None = None
    trace: bytes = b""
    sent: bytes | None = None
    draft: bool = False
    created: datetime = _BEGINNING
    modified: datetime = _BEGINNING
    generation: int = 0
    entered: int = 0
    changed: int = 0
    read_changed: int = 0
    version: int = 1


class Store:
    """One mailbox. Not safe for threads: whoever holds the server's lock may use it."""

    def __init__(self, address: str, names: dict[str, str], steps: Iterator[int]) -> None:
        self.address = address
        self.name = address.partition("@")[0]
        self.steps = steps
        self.step = 0
        self._mark = hashlib.sha256(address.encode()).digest()[:16]
        self._folders: dict[str, Folder] = {}
        self._known: dict[str, Folder] = {}
        self._items: dict[int, Item] = {}
        self._serial = 0
        self._newest = _BEGINNING
        self.ties = False
        self.conversations: dict[str, str] = {}
        self.root = self._new_folder("Top of Information Store", None, ROOT)
        dumpster = self._new_folder("Recoverable Items", None, "recoverableitemsroot")
        for known_as, name in STANDARD.items():
            self._new_folder(names.get(known_as, name), self.root, known_as)
        self._new_folder("Deletions", dumpster, DELETIONS)

    # Folders.

    def _new_folder(self, name: str, parent: Folder | None, known_as: str = "") -> Folder:
        number = len(self._folders).to_bytes(4, "big")
        told = base64.urlsafe_b64encode(b"\1folder" + self._mark + number).decode()
        folder = Folder(f"AQMk{told}", name, known_as, parent)
        self._folders[folder.id] = folder
        if known_as:
            self._known[known_as] = folder
        return folder

    def folder(self, asked: str) -> Folder:
        """By its id or well-known name; those have no case."""
        found = self._folders.get(asked) or self._known.get(asked.lower())
        if found is None:
            raise not_found() if asked.startswith("AQMk") else malformed_id()
        return found

    def children(self, parent: Folder) -> list[Folder]:
        """Folders right under ``parent``, by name."""
        found = [one for one in self._folders.values() if one.parent is parent]
        return sorted(found, key=lambda one: one.name.lower())

    def create_folder(self, name: str, parent: Folder) -> Folder:
        """A further folder; names differ under one parent, whatever their case."""
        if any(one.name.lower() == name.lower() for one in self.children(parent)):
            raise GraphError(
                409, "ErrorFolderExists", "A folder with the specified name already exists."
            )
        return self._new_folder(name, parent)

    def named(self, name: str) -> Folder:
        """A folder as people call it; raises KeyError."""
        known = {"sent": "sentitems", "deleted": "deleteditems", "recoverable": DELETIONS}
        lowered = name.lower()
        found = self._known.get(known.get(lowered, lowered))
        if found is None:
            found = next((one for one in self._folders.values() if one.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    # Messages.

    def add(self, item: Item) -> Item:
        """Put a new message into its folder."""
        self._items[item.serial] = item
        item.folder.items[item.serial] = item
        item.entered = self.touch(item)
        item.created = item.modified
        return item

    def next_serial(self) -> int:
        """The number of the next message."""
        self._serial += 1
        return self._serial

    def arrival(self) -> datetime:
        """The time of the next mail to arrive: later than all before, in whole seconds too.

        Seconds are all that JSON shows; so many mails at once run ahead of the clock. With ``ties``
        they share their seconds, as in reality, and only the store knows their order.
        """
        step = timedelta(microseconds=1) if self.ties else timedelta(seconds=1)
        self._newest = max(datetime.now(UTC), self._newest + step)
        return self._newest

    def touch(self, item: Item, *, read: bool = False) -> int:
        """Something about it changed (``read``: no more than whether it was read)."""
        self.step = next(self.steps)
        if read:
            item.read_changed = self.step
        else:
            item.changed = self.step
        item.version = self.step
        item.modified = datetime.now(UTC)
        return self.step

    def move(self, item: Item, to: Folder) -> None:
        """It lies elsewhere, under another id (but the immutable one)."""
        self._leave(item)
        item.folder = to
        item.generation += 1
        to.items[item.serial] = item
        item.entered = self.touch(item)

    def purge(self, item: Item) -> None:
        """It is gone for good."""
        self._leave(item)
        del self._items[item.serial]

    def _leave(self, item: Item) -> None:
        self.step = next(self.steps)
        ids = self.id_of(item), self.id_of(item, immutable=True)
        item.folder.gone[ids[0]] = Gone(*ids, item.serial, item.entered, self.step)
        del item.folder.items[item.serial]

    def renumber(self, item: Item) -> None:
        """Another immutable id, as where a sent copy is a new message; call it in between moves."""
        del self._items[item.serial], item.folder.items[item.serial]
        item.serial = self.next_serial()
        self._items[item.serial] = item.folder.items[item.serial] = item

    def id_of(self, item: Item, *, immutable: bool = False) -> str:
        """Its id; the immutable one outlives moves."""
        number = item.serial.to_bytes(8, "big")
        if immutable:
            return "AAkALg" + _coded(b"\2immutable" + self._mark + number)
        return "AAMkAG" + _coded(b"\3id" + self._mark + number + item.generation.to_bytes(4, "big"))

    def item(self, asked: str) -> Item:
        """By an id of either kind, whichever the request prefers."""
        kind, content = asked[:6], _decoded(asked[6:])
        start = {"AAkALg": b"\2immutable", "AAMkAG": b"\3id"}.get(kind)
        if start is None or content is None or not content.startswith(start):
            raise malformed_id()
        content = content[len(start) :]
        item = self._items.get(int.from_bytes(content[16:24], "big"))
        right = content[:16] == self._mark and item is not None
        if not right or item is None or not self._names(asked, kind, item):
            raise not_found()
        return item

    def _names(self, asked: str, kind: str, item: Item) -> bool:
        return asked == self.id_of(item, immutable=kind == "AAkALg")

    def visible(self) -> Iterable[Item]:
        """Every message that people can see."""
        return (one for one in self._items.values() if one.folder.known_as != DELETIONS)

    def by_message_id(self, message_id: str) -> Item:
        """The newest visible message with this Message-ID; raises KeyError."""
        wanted = f"<{message_id.strip(' <>')}>"
        found = [one for one in self.visible() if one.fields["internetMessageId"] == wanted]
        if not found:
            raise KeyError(message_id)
        return found[-1]

    def conversation(self, message_id: str, kin: Iterable[str]) -> str:
        """The conversation that a message belongs to; ``kin`` are ids it names, nearest first."""
        names = [message_id, *kin]
        known = (self.conversations[one] for one in names if one in self.conversations)
        found = next(known, None)
        if found is None:
            number = len(self.conversations).to_bytes(8, "big")
            found = "AAQkAG" + _coded(b"\4talk" + self._mark + number)
        for one in names:
            self.conversations.setdefault(one, found)
        return found


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
