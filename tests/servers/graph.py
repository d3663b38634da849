"""A server of the part of Microsoft Graph v1.0 that a mail client needs, on 127.0.0.1, with state.

It is our own reading of the documentation and of what people report; no tenant was ever asked.
As strict as Graph is said to be: what it does not know it refuses with Graph's errors. Known to be
otherwise in reality: MIME content is here the very bytes that were delivered, where Exchange builds
it anew; there is no ``$search``, no attachments, no other resources than mail.
"""

import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final, Self

import trustme

from tests.servers import graph_sending, graph_shape
from tests.servers.graph_faults import Faults
from tests.servers.graph_http import Front, HttpServer
from tests.servers.graph_sending import Departures
from tests.servers.graph_service import Service, Tokens
from tests.servers.graph_store import DELETIONS, LAST_VERB, Item, Store

REPLIED: Final = "102"
"""What Outlook writes into PidTagLastVerbExecuted when somebody answers (MS-OXOMSG 2.2.1.75)."""


class GraphServer:
    """Listens while in ``with``; its state outlives ``stop`` and ``start``. Safe for threads.

    ``display_names`` gives well-known folders (``inbox``, ``sentitems`` …) other names to be shown.
    """

    def __init__(
        self,
        *,
        mailboxes: Iterable[str],
        directory: Path,
        tls: bool = True,
        display_names: Mapping[str, str] | None = None,
    ) -> None:
        steps = count(1)
        names = dict(display_names or {})
        self._lock = threading.RLock()
        self._stores = {one.lower(): Store(one.lower(), names, steps) for one in mailboxes}
        self.departures = Departures(self._lock, self._arrive)
        self.faults = Faults()
        self._service = Service(self._stores, self.departures)
        self.front = Front(self._service, self._lock, self.faults)
        self.local_delivery = True
        self.tls = tls
        self.port = 0
        self.ca_file = directory / "graph-ca.pem"
        self._context: ssl.SSLContext | None = None
        if tls:
            authority = trustme.CA()
            authority.cert_pem.write_to_path(str(self.ca_file))
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1", "localhost").configure_cert(self._context)
        self._http: HttpServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.departures.cancel()
        self.stop()
        assert self.front.failures == [], "\n".join(self.front.failures)

    def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        self.front.halted = threading.Event()
        self._http = HttpServer(self.port, self.front, self._context)
        self.port = self._http.server_address[1]
        self._service.base = self.url
        serve = self._http.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections and cut those there are; what is frozen is not carried out."""
        if self._http is None or self._thread is None:
            return
        self.front.halted.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.cut_all()
        self.faults.clear_freezes()
        self._thread.join(5)
        self._http = None

    # The service itself.

    @property
    def url(self) -> str:
        """``https://127.0.0.1:port``; clients append ``/v1.0``."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def tokens(self) -> Tokens:
        """The access tokens that count."""
        return self._service.tokens

    @property
    def posted(self) -> list[tuple[tuple[str, ...], bytes]]:
        """Everything that left, in order: recipients (Bcc too), and the mail as it left."""
        with self._lock:
            return list(self.departures.posted)

    @property
    def requests(self) -> list[tuple[float, str, int]]:
        """Requests in the order of their answers: steady time, method and path, status.

        The path is a template (``/users/{user}/messages/{message}``); a dropped answer has status 0.
        """
        with self.front.changed:
            return list(self.front.requests)

    def count(self, operation: str) -> int:
        """How many requests for an operation arrived (``send``, ``delta`` …), well or not."""
        with self.front.changed:
            return self.front.arrived[operation]

    def wait_for(self, operation: str, times: int = 1, seconds: float = 20) -> None:
        """Return as soon as so many requests for an operation have arrived."""
        with self.front.changed:
            assert self.front.changed.wait_for(
                lambda: self.front.arrived[operation] >= times, seconds
            )

    def wait_posted(self, times: int, seconds: float = 20) -> None:
        """Return as soon as so many mails have left."""
        with self.departures.left:
            assert self.departures.left.wait_for(lambda: len(self.posted) >= times, seconds)

    def settle(self) -> None:
        """Wait until everything is carried out that clients did not wait for; ends freezes."""
        self.faults.clear_freezes()
        for late in tuple(self.front.late):
            late.join(20)
            assert not late.is_alive()

    def limit_concurrency(self, limit: int | None = 4, *, retry_after: float = 1.0) -> None:
        """So many requests at a time for a mailbox and an application; Graph's limit is 4."""
        with self.front.changed:
            self.front.concurrency_limit, self.front.retry_after = limit, retry_after

    def forget_delta_tokens(self, code: str = "SyncStateNotFound") -> None:
        """Every state of synchronisation is lost; ``code``: with which error (410) that is told."""
        with self._lock:
            self._service.deltas.forget(code)

    def allow_sending_as(self, mailbox: str, address: str) -> None:
        """The mailbox may send under this address too (otherwise 403 ErrorSendAsDenied)."""
        with self._lock:
            allowed = self.departures.may_send_as
            allowed.setdefault(mailbox.lower(), set()).add(address.lower())

    def hold_outbox(self) -> None:
        """What is sent from now on stays in Outbox until ``release_outbox``."""
        self.departures.held = True

    def release_outbox(self) -> None:
        """What waits in Outbox leaves now."""
        self.departures.release()

    # Mail that comes.

    def deliver(self, mailbox: str, raw: bytes, *, received: datetime | None = None) -> None:
        """A mail arrives in the inbox, as from an MTA; every one a second later than the last.

        ``received``: at another moment, such as long ago.
        """
        with self._lock:
            store = self._stores[mailbox.lower()]
            graph_sending.deliver(store, raw, store.folder("inbox"), received)

    def deliver_many(self, mailbox: str, raws: Iterable[bytes]) -> None:
        """Mails arrive, one after the other."""
        for raw in raws:
            self.deliver(mailbox, raw)

    def let_mails_tie(self, mailbox: str) -> None:
        """From now on mails that arrive within a second show the same time, as in reality."""
        with self._lock:
            self._stores[mailbox.lower()].ties = True

    def _arrive(self, address: str, raw: bytes) -> None:
        if self.local_delivery and address in self._stores:
            self.deliver(address, raw)

    # What people do.

    def person_sends(self, mailbox: str, raw: bytes) -> None:
        """A mail program files what it sent; ``posted`` knows nothing of it."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            item = graph_sending.deliver(store, raw, store.folder("sentitems"))
            item.trace = b""
            item.fields["isRead"] = True

    def move(self, mailbox: str, message_id: str, folder: str) -> None:
        """A person moves a mail; folders as in ``lying``."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            store.move(store.by_message_id(message_id), store.named(folder))

    def delete(self, mailbox: str, message_id: str, *, for_good: bool = False) -> None:
        """A person deletes a mail: to Deleted Items, or to where only administrators see it."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            to = store.folder(DELETIONS if for_good else "deleteditems")
            store.move(store.by_message_id(message_id), to)

    def edit(
        self, mailbox: str, message_id: str, *, subject: str | None = None, text: str | None = None
    ) -> None:
        """A person writes on in a draft."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            item = store.by_message_id(message_id)
            if subject is not None:
                item.fields["subject"] = subject
            if text is not None:
                item.fields["body"] = {"contentType": "text", "content": text}
            store.touch(item)

    def send_draft(self, mailbox: str, message_id: str) -> None:
        """A person opens a draft in a mail program and sends it as it is."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            self.departures.send(store, store.by_message_id(message_id))

    def mark_read(self, mailbox: str, message_id: str, *, read: bool = True) -> None:
        """A person reads a mail, or takes that back."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            item = store.by_message_id(message_id)
            item.fields["isRead"] = read
            store.touch(item, read=True)

    def mark_replied(self, mailbox: str, message_id: str) -> None:
        """A person answered a mail with Outlook, which marks it."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            item = store.by_message_id(message_id)
            item.properties |= {LAST_VERB: REPLIED, "Integer 0x1080": "261"}
            store.touch(item)

    def create_folder(self, mailbox: str, name: str) -> None:
        """A person makes a folder at the top."""
        with self._lock:
            store = self._stores[mailbox.lower()]
            store.create_folder(name, store.root)

    # What lies where.

    def items(self, mailbox: str, folder: str) -> Sequence[Item]:
        """The messages of a folder, the oldest first; to look at, not to change."""
        with self._lock:
            found = self._stores[mailbox.lower()].named(folder).items.values()
            return tuple(sorted(found, key=lambda one: one.received))

    def lying(self, mailbox: str, folder: str) -> list[bytes]:
        """The mails of a folder, the oldest first; one that does not exist is empty.

        ``folder``: Inbox, Sent, Drafts, Outbox, Deleted, Recoverable or the name that is shown.
        Delivered and filed mail is what was given; of what the API made, the mail that it is.
        """
        with self._lock:
            store = self._stores[mailbox.lower()]
            try:
                found = self.items(mailbox, folder)
            except KeyError:
                return []
            return [one.given or graph_shape.raw_of(store, one) for one in found]
