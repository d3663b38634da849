"""The daemon's end of the socket: one thread that listens, a few that answer."""

import contextlib
import errno
import logging
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from typing import Final

from appliance.control.access import caller
from appliance.control.connection import Connection, Limits
from appliance.control.dispatch import NOBODY, Answers, Dispatch, Handler
from appliance.control.listen import forget, identity, listen
from appliance.control.protocol import BAD_REQUEST, REQUEST_LIMIT, Caller, failure, line
from appliance.domain.ports import Clock

__all__ = ["Answers", "Handler", "Limits", "Server"]

log = logging.getLogger(__name__)

_LIMITS: Final = Limits()
_CHUNK: Final = 65_536
_FINISH_SECONDS: Final = 2.0
_BREATH_SECONDS: Final = 0.1


class Server:
    """Serves a table of verbs on a unix socket until stopped.

    Silent callers cost a descriptor and no thread. A request occupies a worker until its answer is
    written; a caller's next line waits for that.
    """

    def __init__(
        self,
        *,
        path: Path,
        handlers: Mapping[str, Handler],
        answers: Answers,
        clock: Clock,
        limits: Limits = _LIMITS,
        identify: Callable[[socket.socket], Caller] = caller,
    ) -> None:
        self._path = path
        self._dispatch = Dispatch(handlers=handlers, answers=answers)
        self._clock = clock
        self._limits = limits
        self._identify = identify
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._returned: list[Connection] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake_out, self._wake_in = socket.socketpair()
        self._thread: threading.Thread | None = None
        self._workers = ThreadPoolExecutor(limits.workers, thread_name_prefix="control")
        self._working: set[Future[None]] = set()

    def start(self) -> None:
        """Listen and answer in threads of its own.

        Raises:
            AlreadyRunning: somebody answers on the socket.
            ConfigError: the path cannot be a socket.
        """
        listener = listen(self._path)
        self._wake_out.settimeout(0)
        self._wake_in.settimeout(0)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._thread = threading.Thread(
            target=self._run,
            args=(listener, identity(self._path)),
            name="control",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Answer what is being answered, for two seconds at most, and close every connection."""
        self._stop.set()
        self._wake()
        if self._thread is not None:
            self._thread.join()
        wait_for(tuple(self._working), _FINISH_SECONDS)
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            # Ends a write to a caller who does not read.
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        self._workers.shutdown(wait=True, cancel_futures=True)
        for connection in connections:
            connection.socket.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_in.send(b"\0")

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_out.recv(_CHUNK)

    def _run(self, listener: socket.socket, known: tuple[int, int]) -> None:
        try:
            while not self._stop.is_set():
                for key, _ in self._selector.select(self._patience()):
                    self._react(key)
                self._take_back()
                self._close_silent()
        finally:
            forget(self._path, known)
            listener.close()

    def _react(self, key: selectors.SelectorKey) -> None:
        if isinstance(key.data, Connection):
            # An earlier event of the same round may have closed it to make room.
            if key.data in self._connections:
                self._receive(key.data)
        elif key.fileobj is self._wake_out:
            self._drain()
        elif isinstance(key.fileobj, socket.socket):
            self._accept(key.fileobj)

    def _listened(self) -> list[Connection]:
        """Connections that wait for a line, the longest silent first."""
        keys = self._selector.get_map().values()
        waiting = [key.data for key in keys if isinstance(key.data, Connection)]
        return sorted(waiting, key=lambda connection: connection.heard)

    def _patience(self) -> float | None:
        """Seconds until the longest silent connection is closed; None where nobody waits."""
        waiting = self._listened()
        if not waiting:
            return None
        return max(waiting[0].heard + self._limits.idle_seconds - self._clock.steady(), 0.0)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                log.warning("no descriptor is left for a caller")
                self._make_room()
                self._stop.wait(_BREATH_SECONDS)
            return
        if len(self._connections) >= self._limits.connections and not self._make_room():
            accepted.close()
            return
        accepted.settimeout(0)
        connection = Connection(socket=accepted, heard=self._clock.steady())
        with self._lock:
            self._connections.add(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _make_room(self) -> bool:
        waiting = self._listened()
        if waiting:
            self._close(waiting[0])
        return bool(waiting)

    def _receive(self, connection: Connection) -> None:
        try:
            chunk = connection.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._close(connection)
            return
        connection.received += chunk
        self._proceed(connection)

    def _proceed(self, connection: Connection) -> None:
        """Hand the next whole line to a worker."""
        taken = connection.take()
        if taken is None and len(connection.received) <= REQUEST_LIMIT:
            return
        self._selector.unregister(connection.socket)
        if taken is None or len(taken) > REQUEST_LIMIT:
            self._work(self._refuse, connection)
        else:
            self._work(self._answer, connection, taken)

    def _work(self, act: Callable[..., None], *arguments: object) -> None:
        future = self._workers.submit(act, *arguments)
        self._working.add(future)
        future.add_done_callback(self._working.discard)

    def _answer(self, connection: Connection, taken: bytes) -> None:
        """In a worker: answer one line and give the connection back."""
        try:
            who = self._identify(connection.socket)
            self._write(connection, self._dispatch.answer(who, taken))
        except OSError:
            self._discard(connection)
            return
        with self._lock:
            self._returned.append(connection)
        self._wake()

    def _refuse(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            sentence = f"A request has at most {REQUEST_LIMIT} bytes."
            self._write(connection, line(failure(NOBODY, BAD_REQUEST, sentence)))
        self._discard(connection)

    def _write(self, connection: Connection, encoded: bytes) -> None:
        connection.socket.settimeout(self._limits.write_seconds)
        connection.socket.sendall(encoded)

    def _take_back(self) -> None:
        with self._lock:
            returned, self._returned = self._returned, []
        for connection in returned:
            connection.socket.settimeout(0)
            connection.heard = self._clock.steady()
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._proceed(connection)

    def _close_silent(self) -> None:
        limit = self._clock.steady() - self._limits.idle_seconds
        for connection in self._listened():
            if connection.heard <= limit:
                self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        connection.socket.close()
        with self._lock:
            self._connections.discard(connection)
