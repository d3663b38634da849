"""One request to the EWS server: who asks, and which folders and items are meant."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Barrier
from xml.etree.ElementTree import Element

from tests.servers.ews_fields import Fields, Shape
from tests.servers.ews_item import Item
from tests.servers.ews_personality import Personality
from tests.servers.ews_store import Folder, Store
from tests.servers.ews_xml import (
    Refusal,
    SoapFault,
    answer,
    child,
    local,
    paths_under,
    refused,
    success,
    text_in,
    truth,
)

NO_MAILBOX = "The SMTP address has no mailbox associated with it."
NO_ACCESS = "Access is denied. Check credentials and try again."
NOT_FOUND = "The specified object was not found in the store."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: ``home`` is their own mailbox, ``mailboxes`` are all they may use."""

    user: str
    home: str
    mailboxes: frozenset[str]


@dataclass(slots=True, kw_only=True, eq=False)
class SyncState:
    """Where a client stands: what it has not been told of the first look, and its place in the log."""

    folder: Folder
    pending: tuple[Item, ...]
    position: int


@dataclass(slots=True, kw_only=True, eq=False)
class Office:
    """All that operations share. ``gathering``: sends that wait for each other in mid-flight."""

    store: Store
    fields: Fields
    personality: Personality
    states: dict[str, SyncState] = field(default_factory=dict)
    gathering: Barrier | None = None
    send_as_allowed: set[str] = field(default_factory=set)
    send_as_denied: set[str] = field(default_factory=set)
    refused_by_smtp: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of an operation."""

    office: Office
    caller: Caller
    operation: str
    request: Element

    @property
    def store(self) -> Store:
        return self.office.store

    @property
    def personality(self) -> Personality:
        return self.office.personality

    def each(self, elements: list[Element], work: Callable[[Element], str]) -> str:
        """One ResponseMessage for each element; a refusal concerns its element alone."""
        messages = []
        for element in elements:
            try:
                messages.append(success(self.operation, work(element)))
            except Refusal as error:
                messages.append(
                    refused(self.operation, error, shaped=self.personality.shaped_refusals)
                )
        return answer(self.operation, messages)

    def folder(self, element: Element | None, missing: str = "ErrorFolderNotFound") -> Folder:
        """The folder that a FolderId or DistinguishedFolderId means."""
        if element is None:
            raise SoapFault("ErrorSchemaValidation", "A folder id is missing.")
        key = element.get("Id", "")
        if local(element) == "DistinguishedFolderId":
            folder = self._distinguished(key, text_in(element, "Mailbox", "EmailAddress"), missing)
        else:
            found = self.store.folders.get(key)
            if found is None:
                raise Refusal(missing, "The specified folder could not be found in the store.")
            folder = found
        if folder.mailbox not in self.caller.mailboxes:
            raise Refusal("ErrorAccessDenied", NO_ACCESS)
        return folder

    def _distinguished(self, name: str, address: str, missing: str) -> Folder:
        mailbox = self.store.mailboxes.get((address or self.caller.home).lower())
        if mailbox is None:
            raise Refusal(self.personality.no_mailbox, NO_MAILBOX)
        if mailbox.address not in self.caller.mailboxes:
            raise Refusal("ErrorAccessDenied", NO_ACCESS)
        if name not in mailbox.distinguished:
            raise Refusal(missing, "The specified folder could not be found in the store.")
        return mailbox.distinguished[name]

    def item(self, element: Element | None) -> Item:
        """The item that an ItemId means."""
        if element is None:
            raise SoapFault("ErrorSchemaValidation", "An item id is missing.")
        key = element.get("Id", "")
        if not key.startswith("AAMk"):
            raise Refusal("ErrorInvalidIdMalformed", "Id is malformed.")
        found = self.store.items.get(key)
        if found is None or found.folder.mailbox not in self.caller.mailboxes:
            raise Refusal("ErrorItemNotFound", NOT_FOUND)
        return found

    def shape(self, *, listing: bool = False) -> Shape:
        """What ItemShape asks for."""
        element = child(self.request, "ItemShape")
        return Shape(
            base=text_in(element, "BaseShape") or "IdOnly",
            paths=tuple(paths_under(child(element, "AdditionalProperties"))),
            mime=truth(text_in(element, "IncludeMimeContent")),
            body_type=text_in(element, "BodyType") or "Best",
            listing=listing,
        )
