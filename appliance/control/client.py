"""The other end of the socket, for the console and the command line."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from appliance.control.protocol import (
    REQUEST_LIMIT,
    RESPONSE_LIMIT,
    Malformed,
    Request,
    line,
    raised,
    read_response,
)
from appliance.domain.errors import ApplianceError, Conflict, DaemonUnreachable, NotAllowed

SECONDS: Final = 30.0
"""How long a caller waits for an answer."""

_CHUNK: Final = 65_536
_TRIES: Final = 2


class Client:
    """Calls verbs of the daemon; each call is a connection of its own."""

    def __init__(self, path: Path, timeout: float = SECONDS) -> None:
        self._path = path
        self._timeout = timeout

    def call(self, verb: str, /, **arguments: object) -> Any:
        """What the daemon answers, as JSON values.

        A call that broke in the middle is made once more with the same UUID: a command that was
        carried out is not carried out again.

        Raises:
            DaemonUnreachable: nobody answers, or not in time; the sentence says what to do.
            NotAllowed: this user may not connect, or not do this.
            ApplianceError: whatever error of the domain the daemon raised.
            TypeError: an argument is nothing that JSON can carry.
        """
        request = line(Request(id=str(uuid4()), verb=verb, arguments=arguments))
        if len(request) > REQUEST_LIMIT:
            raise Conflict(f"This is too long: at most {REQUEST_LIMIT // 1024} KiB can be sent.")
        for _ in range(_TRIES):
            with suppress(ConnectionError):
                return self._answer(request)
        raise DaemonUnreachable(f"The appliance daemon on {self._path} broke off; try again.")

    def _answer(self, request: bytes) -> Any:
        with self._connect() as connection:
            try:
                with suppress(ConnectionError):
                    connection.sendall(request)
                received = _receive(connection)
            except TimeoutError as error:
                raise DaemonUnreachable(
                    f"The appliance daemon on {self._path} did not answer within "
                    f"{self._timeout:g} s. `systemctl status appliance` shows what it does."
                ) from error
        try:
            response = read_response(received)
        except Malformed as error:
            raise DaemonUnreachable(
                f"What answers on {self._path} is no appliance daemon of this version."
            ) from error
        if response.error is not None:
            raise raised(response.error)
        return response.result

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise self._refused(error) from error
        return connection

    def _refused(self, error: OSError) -> ApplianceError:
        if isinstance(error, PermissionError):
            return NotAllowed(
                f"You may not connect to {self._path}: ask to be added to the group "
                "appliance-view, appliance-review or appliance-admin."
            )
        if isinstance(error, BlockingIOError | TimeoutError):
            return DaemonUnreachable(f"The appliance daemon on {self._path} is busy; try again.")
        return DaemonUnreachable(
            f"No appliance daemon answers on {self._path}: start it with `appliance serve` or "
            "`systemctl start appliance`."
        )


def _receive(connection: socket.socket) -> bytes:
    """One line without its newline.

    Raises:
        ConnectionError: the connection ended before the line did.
        TimeoutError: the line did not come in time.
    """
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = connection.recv(_CHUNK)
        if not chunk or len(received) > RESPONSE_LIMIT:
            raise ConnectionError("the answer was cut off")
        received += chunk
    return bytes(received)
