"""A mailbox at the Graph server of the tests, with a sign-in whose tokens can be revoked."""

from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.config.accounts import GraphSettings
from appliance.config.secrets import Secret
from appliance.config.settings import MailboxSettings
from appliance.domain.errors import CredentialsRefused, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox.graph import GraphStore, open_store
from appliance.mailbox.graph_line import Listener
from appliance.mailbox.signin import SignIn
from tests.servers.graph import GraphServer

DESK = "desk@office.example.com"
OTHER = "other@office.example.com"


class Tokens:
    """A ``SignInMethod``: hands out ``token-1``, and after a refusal the next one."""

    bearer = True
    user = DESK

    def __init__(self) -> None:
        self.number = 1
        self.renewals = 0
        self.refuse = False
        self.down = False

    def secret(self, *, renew: bool) -> Secret:
        if renew:
            self.renewals += 1
            if self.down:
                raise MailboxUnreachable("The sign-in service does not answer.")
            if self.refuse:
                raise CredentialsRefused("The sign-in no longer counts.")
            self.number += 1
        return Secret(f"token-{self.number}")


class GraphAccount:
    """The server, its tokens, and stores on its mailboxes."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.server = GraphServer(mailboxes=(DESK, OTHER), directory=directory)
        self.tokens = Tokens()
        self.clock = clock
        self._directory = directory

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.allow("token-1")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.__exit__(kind, error, trace)

    def allow(self, token: str, *, may_send: bool = True) -> None:
        """This token counts from now on, for the desk alone."""
        self.server.tokens.add(token, mailboxes={DESK}, may_send=may_send)

    def settings(self, **changes: object) -> MailboxSettings:
        """The configuration; ``changes`` are of the table ``graph``."""
        values = {"mailbox": DESK, "endpoint": self.server.url, "ca_file": self.server.ca_file}
        graph = GraphSettings(**(values | changes))  # type: ignore[arg-type]
        return MailboxSettings(name="desk", office=self._directory, kind="graph", graph=graph)

    def store(self, *, recorder: Listener | None = None, **changes: object) -> GraphStore:
        """A store on the desk; ``changes`` as in ``settings``."""
        return open_store(
            self.settings(**changes),
            sign_in=SignIn(self.tokens, self.clock),
            clock=self.clock,
            recorder=recorder,
        )

    def throw_folder_away(self, name: str) -> None:
        """A person moves a folder to Deleted Items; it keeps its id."""
        with self.server._lock:
            store = self.server._stores[DESK]
            store.named(name).parent = store.folder("deleteditems")

    def purge_folder(self, name: str) -> None:
        """A person empties Deleted Items with a folder in it."""
        with self.server._lock:
            store = self.server._stores[DESK]
            folder = store.named(name)
            for item in tuple(folder.items.values()):
                store.purge(item)
            folder.parent, folder.name = None, "purged"
            # The server counts its folders to give the next one an id.
            store._folders[f"purged {folder.id}"] = store._folders.pop(folder.id)
