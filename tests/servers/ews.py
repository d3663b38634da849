"""A loopback EWS server with state, spoken to over real HTTP/1.1, TLS and sign-in.

It is our own reading of Exchange and of grommunio: of documentation, of what exchangelib sends and
reads, and of one grommunio that was run. No real Exchange was ever asked whether it agrees. Each
habit in which the two differ is a switch of ``ews_personality.Personality``.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Final, NamedTuple, Self
from xml.etree.ElementTree import Element

import trustme

from tests.servers import ews_reading, ews_writing
from tests.servers.ews_call import NO_MAILBOX, Call, Caller, Office
from tests.servers.ews_faults import Fault, Faults
from tests.servers.ews_fields import Fields
from tests.servers.ews_http import PATH, Listener
from tests.servers.ews_item import Item
from tests.servers.ews_personality import EXCHANGE, GROMMUNIO, Personality
from tests.servers.ews_render import lying
from tests.servers.ews_sending import send_item
from tests.servers.ews_signin import Reception, Tokens
from tests.servers.ews_store import Posted, Steady, Store
from tests.servers.ews_streams import Streams
from tests.servers.ews_xml import SoapFault, child, local

__all__ = ["EXCHANGE", "GROMMUNIO", "EwsServer", "Fault", "Personality", "Request"]

OPERATIONS: Final[dict[str, Callable[[Call], str]]] = {
    "ConvertId": ews_reading.convert_id,
    "CreateAttachment": ews_writing.create_attachment,
    "CreateFolder": ews_reading.create_folder,
    "CreateItem": ews_writing.create_item,
    "DeleteAttachment": ews_writing.delete_attachment,
    "DeleteItem": ews_writing.delete_item,
    "FindFolder": ews_reading.find_folder,
    "FindItem": ews_reading.find_item,
    "GetAttachment": ews_reading.get_attachment,
    "GetFolder": ews_reading.get_folder,
    "GetItem": ews_reading.get_item,
    "MoveItem": ews_writing.move_item,
    "SendItem": send_item,
    "SyncFolderItems": ews_reading.sync_folder_items,
    "UpdateItem": ews_writing.update_item,
}
SENDING: Final = frozenset({"CreateItem", "SendItem", "UpdateItem"})
"""Operations that take the lock themselves, for others go on while a mail is under way."""


class Request(NamedTuple):
    """A request of somebody who signed in: ``at`` in seconds of the server's steady clock."""

    at: float
    operation: str
    user: str


class EwsServer:
    """Listens on 127.0.0.1; use it in ``with``, or ``start`` and ``stop`` it, the state is kept.

    Attributes:
        users: passwords by name; may change while it runs.
        tokens: access tokens that are good.
        refusal_seconds: a wrong sign-in is answered so late.
        send_as_allowed: addresses, no mailboxes of the user, that everybody may send as.
        send_as_denied: addresses that nobody may send as.
        refused_by_smtp: recipients that SMTP refuses.
        refusals: how many wrong passwords and tokens were shown.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str],
        mailboxes: Iterable[str],
        directory: Path,
        access: Mapping[str, Iterable[str]] | None = None,
        homes: Mapping[str, str] | None = None,
        impersonators: frozenset[str] = frozenset(),
        personality: Personality = EXCHANGE,
        tls: bool = True,
        ca: trustme.CA | None = None,
        schemes: Iterable[str] = ("ntlm", "basic", "bearer"),
        tokens: Mapping[str, str] | None = None,
        refusal_seconds: float = 0.0,
        folder_names: Mapping[str, str] | None = None,
        minute_seconds: float = 60.0,
    ) -> None:
        """Set up; ``access`` None: everybody may use every mailbox; ``tokens``: token to user.

        ``folder_names`` are what people call distinguished folders, by their EWS name;
        ``minute_seconds`` long is a minute of a stream's ConnectionTimeout.
        """
        self.steady = Steady()
        self.personality = personality
        self.refusal_seconds = refusal_seconds
        self.tokens = Tokens(tokens or {}, next(iter(users), ""))
        self.reception = Reception(
            users=dict(users), tokens=self.tokens, schemes=tuple(schemes), directory=directory
        )
        self.users = self.reception.users
        self.access = (
            None
            if access is None
            else {user: {each.lower() for each in all_} for user, all_ in access.items()}
        )
        self.homes = {user: home.lower() for user, home in (homes or {}).items()}
        self.impersonators = impersonators
        self.store = Store(mailboxes, personality, folder_names or {}, self.steady)
        self.office = Office(store=self.store, fields=Fields(personality), personality=personality)
        self.send_as_allowed = self.office.send_as_allowed
        self.send_as_denied = self.office.send_as_denied
        self.refused_by_smtp = self.office.refused_by_smtp
        self.streams = Streams(store=self.store, minute_seconds=minute_seconds)
        self.faults = Faults()
        self.requests: list[Request] = []
        self.refusals = 0
        self.closed = threading.Event()
        self.stopped = True
        self.port = 0
        self.ca_file: Path | None = None
        self._context: SSLContext | None = None
        if tls:
            authority = ca or trustme.CA()
            self.ca_file = directory / "ews-ca.pem"
            authority.cert_pem.write_to_path(self.ca_file)
            self._context = SSLContext(PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1", "localhost").configure_cert(self._context)
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self.stop()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}{PATH}"

    @property
    def posted(self) -> list[Posted]:
        """Everything that left, in order: recipients (the envelope) and bytes."""
        with self.store.lock:
            return list(self.store.posted)

    def start(self) -> None:
        """Listen, on the port of the last time."""
        if self._listener is None:
            self._listener = Listener(self.port, self, self._context)
            self.port = self._listener.server_address[1]
            self.stopped = False
            self._thread = threading.Thread(
                target=self._listener.serve_forever, args=(0.02,), daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Refuse connections and cut those there are; what is being done is done to its end."""
        listener, self._listener = self._listener, None
        if listener is not None and self._thread is not None:
            self.stopped = True
            listener.shutdown()
            listener.server_close()
            listener.cut()
            self.streams.drop()
            self._thread.join()

    # What the network, a person or an administrator does.

    def deliver(
        self, mailbox: str, raw: bytes, *, received: datetime | None = None, folder: str = "Inbox"
    ) -> str:
        """A mail arrives; returns its id. ``received``: when, instead of now."""
        return self.store.deliver(mailbox, raw, received=received, folder=folder).id

    def deliver_many(self, mailbox: str, mails: Iterable[bytes]) -> list[str]:
        return [self.deliver(mailbox, raw) for raw in mails]

    def person_sends(self, mailbox: str, raw: bytes) -> str:
        """A mail program sent a mail, by whatever way, and files it in Sent Items."""
        return self.store.file_sent(mailbox, raw).id

    def lying(self, mailbox: str, folder: str) -> list[bytes]:
        """The mails of a folder, oldest first, as RFC 5322; see ``ews_render.lying``."""
        with self.store.lock:
            return [lying(item) for item in self.items(mailbox, folder)]

    def items(self, mailbox: str, folder: str) -> list[Item]:
        """The items of a folder, oldest first; none where there is no such folder."""
        with self.store.lock:
            try:
                found = self.store.named(mailbox, folder).items.values()
            except KeyError:
                return []
            return sorted(found, key=lambda item: item.received)

    def find(self, mailbox: str, folder: str, message_id: str) -> Item:
        """The item with this Message-ID, with or without angle brackets. Raises KeyError."""
        wanted = f"<{message_id.strip('<>')}>"
        for item in self.items(mailbox, folder):
            if item.message_id == wanted:
                return item
        raise KeyError(message_id)

    def move(self, item_id: str, folder: str) -> str:
        """A person moves a mail within its mailbox; returns its new id."""
        with self.store.lock:
            item = self.store.items[item_id]
            self.store.move(item, self.store.named(item.folder.mailbox, folder))
            return item.id

    def delete(self, item_id: str) -> None:
        """A person deletes a mail for good."""
        with self.store.lock:
            self.store.delete(self.store.items[item_id])

    def edit(
        self,
        item_id: str,
        *,
        text: str | None = None,
        read: bool | None = None,
        subject: str | None = None,
        categories: Iterable[str] | None = None,
        item_class: str | None = None,
    ) -> None:
        """A person changes a mail; with another class it becomes something else."""
        with self.store.lock:
            item = self.store.items[item_id]
            item.item_class = item_class or item.item_class
            touched = []
            if text is not None:
                item.body = (text, False)
                touched.append("Body")
            if subject is not None:
                item.subject = subject
                touched.append("Subject")
            if categories is not None:
                item.categories = list(categories)
                touched.append("Categories")
            if read is not None:
                item.read = read
                touched.append("IsRead")
            self.store.touch(item, touched, "read" if touched == ["IsRead"] else "update")

    def create_folder(self, mailbox: str, name: str) -> None:
        """A person makes a folder at the top of a mailbox."""
        with self.store.lock:
            self.store.create_folder(self.store.named(mailbox, "msgfolderroot"), name)

    def forget_sync_states(self) -> None:
        with self.store.lock:
            self.office.states.clear()

    def drop_streams(self) -> None:
        self.streams.drop()

    def pass_time(self, seconds: float) -> None:
        """Let subscriptions and heartbeats believe that so much time is over."""
        with self.store.lock:
            self.steady.push(seconds)
            self.store.heard.notify_all()

    def gather_sends(self, number: int) -> None:
        """Where sends are not serial, each waits for so many to be under way together."""

        def met() -> None:
            self.office.gathering = None

        self.office.gathering = threading.Barrier(number, met)

    def finish_after_client_died(self, operation: str, seconds: float = 0.0) -> None:
        """The next such request is carried out so long after its client has gone away."""
        self.faults.plan(Fault(how="outlive", operation=operation, seconds=seconds))

    # What connections ask of the server.

    def note(self, operation: str, user: str) -> None:
        with self.store.lock:
            self.requests.append(Request(self.steady(), operation, user))

    def note_refusal(self) -> None:
        with self.store.lock:
            self.refusals += 1
        self.closed.wait(self.refusal_seconds)

    def run(self, user: str, document: Element, request: Element) -> str:
        """The body of the answer. Raises Refusal, SoapFault."""
        call = self._call(user, document, request)
        if call.operation == "Subscribe":
            return self.streams.subscribe(call)
        if call.operation == "Unsubscribe":
            return self.streams.unsubscribe(call)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise SoapFault("ErrorSchemaValidation", f"{call.operation} is not known here.")
        if call.operation in SENDING:
            return operation(call)
        with self.store.lock:
            return operation(call)

    def stream(
        self, user: str, document: Element, request: Element, gone: Callable[[], bool]
    ) -> Iterator[str]:
        return self.streams.get_streaming_events(self._call(user, document, request), gone)

    def _call(self, user: str, document: Element, request: Element) -> Call:
        impersonated = child(document, "Header", "ExchangeImpersonation", "ConnectingSID")
        caller = self._caller(user)
        if impersonated is not None:
            caller = self._impersonated(user, impersonated)
        return Call(office=self.office, caller=caller, operation=local(request), request=request)

    def _caller(self, user: str) -> Caller:
        everything = set(self.store.mailboxes)
        mailboxes = everything if self.access is None else self.access.get(user, set())
        home = self.homes.get(user, "")
        if not home:
            own = [
                each
                for each in self.store.mailboxes
                if user.lower() in {each, each.partition("@")[0]}
            ]
            allowed = [each for each in self.store.mailboxes if each in mailboxes]
            home = next(iter(own or allowed), "")
        return Caller(
            user=user,
            home=home,
            mailboxes=frozenset(mailboxes) | ({home} if home in everything else set()),
        )

    def _impersonated(self, user: str, who: Element) -> Caller:
        address = next((each.text or "" for each in who), "").lower()
        if user not in self.impersonators:
            raise SoapFault(
                "ErrorImpersonateUserDenied",
                "The account does not have permission to impersonate the requested user.",
            )
        if address not in self.store.mailboxes:
            raise SoapFault("ErrorNonExistentMailbox", NO_MAILBOX)
        return Caller(user=user, home=address, mailboxes=frozenset({address}))
