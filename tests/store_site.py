"""A whole site for tests: a server that keeps mails with properties, and a real daemon on it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from tests.daemon_process import DaemonProcess
from tests.raw_mail import raw_mail
from tests.servers.ews import EXCHANGE, GROMMUNIO, EwsServer
from tests.servers.ews_faults import Weather
from tests.servers.graph import GraphServer
from tests.servers.oauth import CLIENT, OAuthServer

DESK: Final = "desk@office.example.com"
OTHER: Final = "other@office.example.com"
SHOP: Final = "shop@other.example"
"""A mailbox of another office on the same server."""

USER: Final = "svc-appliance"
SHOP_USER: Final = "svc-shop"
PASSWORD: Final = "canary-password-73"
CLIENT_SECRET: Final = "canary-client-secret-74"
KINDS: Final = ("Exchange", "grommunio", "Graph")
PATIENT: Final = "attempts = 100\nundo_seconds = 0.0\nretry_seconds = 0.2\ndoubt_seconds = 1.0\n"
CALL_SECONDS: Final = 2
"""What the daemons allow a call; how a sending ended is sure after one and a half times that."""

UNSPEAKABLE: Final = (
    PASSWORD,
    CLIENT_SECRET,
    "access-",
    "opening hours",
    "Question",
    "customers.example",
    "@office.example.com",
    SHOP,
)
"""Parts of every mail of ``raw_mail``, of every address and of every secret."""


class Server(Protocol):
    """What both test servers have in common."""

    def deliver(self, mailbox: str, raw: bytes) -> object: ...
    def lying(self, mailbox: str, folder: str) -> list[bytes]: ...


class StoreSite:
    """A server of one kind. The daemon is made by ``daemon``; there may be several."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ews: EwsServer | None = None
        self.graph: GraphServer | None = None
        self.oauth: OAuthServer | None = None
        self.reached = {DESK}
        """The mailboxes that the sign-in may use."""

    @contextmanager
    def running(self, **options: Any) -> Iterator["StoreSite"]:
        """Serve; ``options`` are the server's own."""
        if self.kind == "Graph":
            boxes = (DESK, OTHER, SHOP)
            with GraphServer(mailboxes=boxes, directory=self.directory, **options) as graph:
                self.graph = graph
                self.oauth = OAuthServer(client_secrets={CLIENT_SECRET}, mint=self._mint)
                with self.oauth.running(self.directory):
                    yield self
            return
        personality = GROMMUNIO if self.kind == "grommunio" else EXCHANGE
        values: dict[str, Any] = {
            "users": {USER: PASSWORD},
            "mailboxes": (DESK, OTHER, SHOP),
            "access": {USER: self.reached},
            "directory": self.directory,
            "personality": personality,
        }
        with EwsServer(**(values | options)) as ews:
            self.ews = ews
            yield self

    def _mint(self, user: str, _seconds: float) -> str:
        """A token that the Graph server takes."""
        assert self.graph is not None
        self.minted = getattr(self, "minted", 0) + 1
        token = f"access-{self.minted}-{user.partition('@')[0]}"
        self.graph.tokens.add(token, mailboxes=self.reached, may_send=True)
        return token

    def open_shop(self) -> None:
        """The other office has a sign-in for its mailbox, too."""
        self.reached.add(SHOP)
        if self.ews is not None:
            assert self.ews.access is not None
            self.ews.users[SHOP_USER] = PASSWORD
            self.ews.access[SHOP_USER] = {SHOP}

    @property
    def server(self) -> Server:
        server = self.graph or self.ews
        assert server is not None
        return server

    def account(self, extra: str = "", *, address: str = DESK) -> str:
        """``[[mailbox]]`` from ``kind`` on; ``extra`` are further lines of its own table."""
        if self.graph is not None:
            assert self.oauth is not None
            return (
                'kind = "graph"\n'
                f'[mailbox.sign_in]\nuser = "{address}"\nmethod = "microsoft"\nflow = "secret"\n'
                f'secret = "desk"\nclient_id = "{CLIENT}"\ntenant = "northgate.example"\n'
                f'authority = "{self.oauth.authority}"\n'
                f'[mailbox.graph]\nmailbox = "{address}"\nendpoint = "{self.graph.url}"\n'
                f'ca_file = "{self.graph.ca_file}"\ntimeout_seconds = {CALL_SECONDS}\n{extra}'
            )
        assert self.ews is not None
        send = "update_item" if self.kind == "grommunio" else "send_item"
        user = SHOP_USER if address == SHOP else USER
        return (
            'kind = "exchange"\n'
            f'[mailbox.sign_in]\nuser = "{user}"\nsecret = "desk"\n'
            f'[mailbox.exchange]\nserver = "{self.ews.url}"\nmailbox = "{address}"\nauth = "basic"\n'
            f'ca_file = "{self.ews.ca_file}"\nsend = "{send}"\n'
            f"timeout_seconds = {CALL_SECONDS}\n{extra}"
        )

    def daemon(
        self, name: str = "box", *, extra: str = "", address: str = DESK, **options: Any
    ) -> DaemonProcess:
        """A daemon on a mailbox; ``options`` as those of ``DaemonProcess``."""
        directory = self.directory / name
        directory.mkdir()
        options.setdefault("flow", PATIENT)
        daemon = DaemonProcess(directory, account=self.account(extra, address=address), **options)
        if self.oauth is not None:
            daemon.variables["SSL_CERT_FILE"] = str(self.oauth.ca_file)
        secrets = directory / "secrets"
        secrets.mkdir(mode=0o700)
        value = CLIENT_SECRET if self.graph is not None else PASSWORD
        (secrets / "desk").write_text(f"{value}\n")
        (secrets / "desk").chmod(0o600)
        return daemon

    # What happens around it.

    def deliver(self, *numbers: int, **raw: str) -> None:
        """Mails of customers come in."""
        for number in numbers:
            self.server.deliver(DESK, raw_mail(number, **raw))

    def lying(self, folder: str) -> list[bytes]:
        return self.server.lying(DESK, folder)

    def posted(self) -> Counter[str]:
        """How often which mail was answered, by the Message-ID of the question."""
        if self.graph is not None:
            return Counter(parent(raw) for _, raw in self.graph.posted)
        assert self.ews is not None
        return Counter(parent(one.raw) for one in self.ews.posted)

    def weather(self, random: Random, probability: float) -> None:
        """Faults by chance from now on, before requests are carried out and after."""
        if self.graph is not None:
            # The rest that a server asks for has tests of its own.
            self.graph.faults.weather(random, probability, retry_after=0.0)
            return
        assert self.ews is not None
        self.ews.faults.weather = Weather(random=random, probability=probability)

    def fair(self) -> None:
        """No more faults."""
        if self.graph is not None:
            self.graph.faults.clear()
            return
        assert self.ews is not None
        self.ews.faults.clear()

    @property
    def struck(self) -> int:
        """How many faults there were."""
        if self.graph is not None:
            return self.graph.faults.struck.total()
        assert self.ews is not None
        return self.ews.faults.applied.total()


@contextmanager
def store_site(kind: str, directory: Path, **options: Any) -> Iterator[StoreSite]:
    """A site of one of ``KINDS``; ``options`` are the server's own."""
    with StoreSite(kind, directory).running(**options) as site:
        yield site


def parent(raw: bytes) -> str:
    """Which mail is answered."""
    return str(message_from_bytes(raw)["In-Reply-To"]).strip("<> \r\n")


def own_id(raw: bytes) -> str:
    return str(message_from_bytes(raw)["Message-ID"]).strip("<> \r\n")


def unspoken(daemon: DaemonProcess) -> None:
    """Nothing of a mail, no address and no secret stands in the log."""
    log = daemon.log.read_text()
    assert [word for word in UNSPEAKABLE if word in log] == []
