"""A proxy between a mail client and its server that cuts, delays or freezes at a chosen command."""

import asyncio
import contextlib
import re
import ssl
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, Self

import trustme

from tests.servers.client_text import ClientText

How = Literal["drop", "delay", "truncate", "freeze"]
When = Literal["before", "after"]
CHUNK: Final = 65_536


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens at the ``nth`` command that ``pattern`` fits, and at ``times`` of them in all.

    ``before``: the server never sees the command. ``after``: the server carried it out, and its
    answer is not passed on.
    """

    how: How
    pattern: bytes = b""
    nth: int = 1
    times: int | None = 1
    when: When = "before"
    seconds: float = 0.0
    keep: int = 0
    met: int = 0

    def meets(self, line: bytes) -> bool:
        if not re.search(self.pattern, line, re.IGNORECASE):
            return False
        self.met += 1
        return self.met >= self.nth and (self.times is None or self.met < self.nth + self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Faults by chance: each command meets one of ``hows`` with ``probability``."""

    random: Random
    probability: float
    hows: tuple[How, ...] = ("drop", "truncate", "delay")
    seconds: float = 0.05
    most_kept: int = 200

    def fault(self) -> Fault | None:
        if self.random.random() >= self.probability:
            return None
        return Fault(
            how=self.random.choice(self.hows),
            when=self.random.choice(("before", "after")),
            seconds=self.seconds * self.random.random(),
            keep=self.random.randrange(self.most_kept),
        )


class FaultProxy:
    """Listens on 127.0.0.1 for a server of IMAP or SMTP in plain text; use it in ``with``.

    With ``ca`` the client speaks TLS from the start to the proxy. Behind a STARTTLS of the client
    nothing is understood any more and everything passes. A command is a line of the client that
    is neither part of a literal nor text of a mail; the dot after a mail is one.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        target: tuple[str, int],
        *,
        weather: Weather | None = None,
        ca: trustme.CA | None = None,
    ) -> None:
        self.target = target
        self.weather = weather
        self.port = 0
        self._context: ssl.SSLContext | None = None
        if ca is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert("127.0.0.1", "localhost").configure_cert(self._context)
        self._changed = threading.Condition()
        self._faults: list[Fault] = []
        self._applied: Counter[How] = Counter()
        self._commands: list[bytes] = []
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        running = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(running),), daemon=True)
        self._thread.start()
        assert running.wait(10)
        self.up()

    async def _run(self, running: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended, self.released = asyncio.Event(), asyncio.Event()
        running.set()
        await self._ended.wait()

    def stop(self) -> None:
        """Cuts everything and ends."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._do(self._down())
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(10)
            assert not thread.is_alive()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def down(self) -> None:
        """The server is gone: every connection is cut, and new ones are refused."""
        self._do(self._down())

    async def _down(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for link in tuple(self._links):
            link.cut()

    def up(self) -> None:
        """Listens (again) on the same port."""
        self._do(self._up())

    async def _up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, self.host, self.port, ssl=self._context
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(self, (reader, writer), server)
        if self._server is None:
            link.cut()
            return
        self._links.add(link)
        await link.run()
        self._links.discard(link)

    def drop(self, pattern: bytes = b"", **more: Any) -> None:
        """Close both sides. ``more``, here and below: ``nth``, ``times``, ``when`` of ``Fault``."""
        self._add(Fault(how="drop", pattern=pattern, **more))

    def delay(self, seconds: float, pattern: bytes = b"", **more: Any) -> None:
        """Hold back the command, or with ``when="after"`` its answer."""
        self._add(Fault(how="delay", pattern=pattern, seconds=seconds, **more))

    def truncate(self, keep: int, pattern: bytes = b"", **more: Any) -> None:
        """Pass on ``keep`` bytes of the answer, then close both sides."""
        self._add(Fault(how="truncate", pattern=pattern, keep=keep, **more))

    def freeze(self, pattern: bytes = b"", **more: Any) -> None:
        """Stay open and pass on nothing until ``release``."""
        self._add(Fault(how="freeze", pattern=pattern, **more))

    def _add(self, fault: Fault) -> None:
        with self._changed:
            self._faults.append(fault)

    def clear(self) -> None:
        """No more faults, by plan or by chance; what is frozen goes on."""
        with self._changed:
            self._faults.clear()
            self.weather = None
        self.release()

    def release(self) -> None:
        """What is frozen goes on from where it was."""
        self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        self.released.set()
        self.released = asyncio.Event()

    def fault_at(self, line: bytes) -> Fault | None:
        with self._changed:
            self._commands.append(line)
            met = [fault for fault in self._faults if fault.meets(line)]
            fault = met[0] if met else self.weather.fault() if self.weather else None
            if fault is not None:
                self._applied[fault.how] += 1
            self._changed.notify_all()
            return fault

    @property
    def applied(self) -> Counter[How]:
        """How often each fault was applied."""
        with self._changed:
            return Counter(self._applied)

    @property
    def commands(self) -> tuple[bytes, ...]:
        """Every command of every client, in order, without its end of line."""
        with self._changed:
            return tuple(self._commands)

    def wait(self, pattern: bytes, count: int = 1, seconds: float = 20) -> None:
        """Returns as soon as ``count`` commands fitted ``pattern``."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._fitting(pattern) >= count, seconds)

    def _fitting(self, pattern: bytes) -> int:
        return sum(bool(re.search(pattern, line, re.IGNORECASE)) for line in self._commands)


class Link:
    """One client and its connection to the server."""

    def __init__(
        self,
        proxy: FaultProxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.proxy = proxy
        self.from_client, self.to_client = client
        self.from_server, self.to_server = server
        self.text = ClientText()
        self.command = b""
        self.tag = b""
        self.fault: Fault | None = None  # to be applied to the answer of the server
        self.answer = b""
        self.frozen = False

    async def run(self) -> None:
        ways = [asyncio.create_task(way) for way in (self._upwards(), self._downwards())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        # Closed and not cut: what was passed on before must still arrive.
        for writer in (self.to_client, self.to_server):
            writer.close()

    def cut(self) -> None:
        for writer in (self.to_client, self.to_server):
            if not writer.is_closing():
                writer.transport.abort()

    async def _upwards(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := await self.from_client.read(CHUNK):
                for piece, command in self.text.pieces(chunk):
                    if command and await self._dropped(piece):
                        return
                    await self._thaw()
                    self.to_server.write(piece)
                await self.to_server.drain()

    async def _dropped(self, line: bytes) -> bool:
        """Applies what is to be applied before; true where the connection ends with it."""
        self.command = line.rstrip(b"\r\n")
        if b" " in self.command:
            self.tag = self.command.partition(b" ")[0]
        fault = self.proxy.fault_at(self.command)
        if fault is None:
            return False
        if fault.how == "truncate" or fault.when == "after":
            self.answer, self.fault = b"", fault
            return False
        await self._pause(fault)
        return fault.how == "drop"

    async def _pause(self, fault: Fault) -> None:
        if fault.how == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.how == "freeze":
            self.frozen = True
            await self.proxy.released.wait()
            self.frozen = False

    async def _thaw(self) -> None:
        """Neither way passes anything on while the other is frozen."""
        if self.frozen:
            await self.proxy.released.wait()

    async def _downwards(self) -> None:
        first = True
        with contextlib.suppress(OSError):
            while chunk := await self.from_server.read(CHUNK):
                await self._thaw()
                if first:
                    self.text.imap, first = chunk.startswith(b"*"), False
                asked = self.text.waits and chunk.startswith(b"+")
                if self.fault is not None and not asked:
                    ended, chunk = await self._spoilt(self.fault, chunk)
                    if ended:
                        self.to_client.write(chunk)
                        return
                if chunk.startswith(b"354") and self.command.upper() == b"DATA":
                    self.text.mail = True
                self.to_client.write(chunk)
                await self.to_client.drain()

    async def _spoilt(self, fault: Fault, chunk: bytes) -> tuple[bool, bytes]:
        """Whether the connection ends, and what of the answer is passed on before."""
        if fault.how in ("delay", "freeze"):
            await self._pause(fault)
            self.fault = None
            return False, chunk
        before = len(self.answer)
        self.answer += chunk
        passed = self.answer[before : fault.keep] if fault.how == "truncate" else b""
        full = fault.how == "truncate" and len(self.answer) >= fault.keep
        return full or self._answered(), passed

    def _answered(self) -> bool:
        """Is the answer of the server to the command complete?"""
        if self.text.imap:
            last = rb"^(?:\+|" + re.escape(self.tag) + rb" (?:OK|NO|BAD))"
        else:
            last = rb"^\d{3} "
        return re.search(last, self.answer, re.MULTILINE) is not None
