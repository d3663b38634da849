"""When a connection to an IMAP server is given up, and when the next one is tried."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from imapclient import IMAPClient

from appliance.config.accounts import ImapSettings
from appliance.config.secrets import Secret
from appliance.domain.errors import MailboxUnreachable
from appliance.mailbox import line as module
from appliance.mailbox.line import Line
from appliance.mailbox.signin import PasswordSignIn, SignIn
from tests.fakes import FakeClock

SPOKEN = (b"LOGIN", b"CAPABILITY", b"NOOP")
USUAL_SECONDS = 0.4


class Server:
    """Speaks just enough IMAP to be signed in to; ``deaf``: it takes connections and is silent.

    ``mute``: it answers a NOOP no more on a connection that is open.
    """

    def __init__(self) -> None:
        self.deaf = False
        self.mute = False
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                if not self.deaf:
                    threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection: socket.socket) -> None:
        with suppress(OSError), connection.makefile("rb") as lines:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            for line in lines:
                tag, command = line.split()[:2]
                if self.mute and command == b"NOOP":
                    continue
                told = b"* CAPABILITY IMAP4rev1\r\n" if command == b"CAPABILITY" else b""
                connection.sendall(told + tag + b" OK done\r\n")

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def line(server: Server, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    for name in ("CONNECT_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(module, name, USUAL_SECONDS)
    sign_in = SignIn(PasswordSignIn(user="desk", read=lambda: Secret("canary")), clock)
    settings = ImapSettings(host="127.0.0.1", port=server.port, security="none")
    line = Line(settings, sign_in, clock)
    yield line
    line.hang_up()


def noop(client: IMAPClient) -> object:
    return client.noop()


def test_a_connection_that_fell_silent_is_replaced_and_the_act_repeated(
    server: Server, line: Line
) -> None:
    line.run(noop)
    server.mute = True

    def act(client: IMAPClient) -> None:
        if server.connections == 1:
            noop(client)

    line.run(act)
    assert server.connections == 2


def test_silence_is_told_at_once_where_that_is_wanted(server: Server, line: Line) -> None:
    line.run(noop)
    server.mute = True
    with pytest.raises(MailboxUnreachable, match="no answer in time"):
        line.run(noop, silence=0.05)
    assert server.connections == 1


def test_less_patience_holds_for_one_act_only(server: Server, line: Line) -> None:
    def left(client: IMAPClient) -> float | None:
        timeout: float | None = client.socket().gettimeout()
        return timeout

    assert line.run(left, silence=0.05) == 0.05
    assert line.run(left) == USUAL_SECONDS
    assert server.connections == 1


def test_a_server_that_was_deaf_for_long_is_tried_again_within_seconds(
    server: Server, line: Line, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deaf = True
    connected = line._connected

    def after_twenty_seconds() -> IMAPClient:
        clock.advance(timedelta(seconds=20))
        return connected()

    monkeypatch.setattr(line, "_connected", after_twenty_seconds)
    with pytest.raises(MailboxUnreachable):
        line.run(noop)
    server.deaf = False
    with pytest.raises(MailboxUnreachable):
        line.run(noop)
    assert server.connections == 1
    clock.advance(timedelta(seconds=3))
    line.run(noop)
    assert server.connections == 2
