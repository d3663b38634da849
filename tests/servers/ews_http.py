"""HTTP of the EWS server: connections, sign-in, faults, answers and streams."""

import contextlib
import select
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from tests.servers.ews_faults import Fault
from tests.servers.ews_signin import Connection, SignInRefused
from tests.servers.ews_xml import Refusal, SoapFault, answer, child, envelope, fault, local, refused

if TYPE_CHECKING:
    from tests.servers.ews import EwsServer

PATH = "/EWS/Exchange.asmx"
HANDSHAKE_SECONDS = 30.0
LOOK_SECONDS = 0.02
XML = "text/xml; charset=utf-8"


class Dropped(Exception):
    """The connection ends without a word."""


class Listener(ThreadingHTTPServer):
    """Takes connections; TLS is agreed on in the connection's own thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, server: "EwsServer", context: ssl.SSLContext | None) -> None:
        self.ews, self._context = server, context
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._context is not None:
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.open.add(connection)
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        if isinstance(request, ssl.SSLSocket):
            request.settimeout(HANDSHAKE_SECONDS)
            request.do_handshake()
            request.settimeout(None)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that break off are what these tests are about."""

    def cut(self) -> None:
        """End all connections."""
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Listener
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Microsoft-IIS/10.0", ""
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.sign_in = Connection()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests look at ``requests`` instead."""

    def do_GET(self) -> None:
        self._reply(405 if self.path == PATH else 404, b"")

    def do_POST(self) -> None:
        body = self._body()
        if self.path != PATH:
            self._reply(404, b"")
            return
        try:
            user = self.server.ews.reception.sign_in(
                self.headers.get("Authorization", ""), self.sign_in
            )
        except SignInRefused as error:
            self._refuse(error)
            return
        try:
            self._serve(user, fromstring(body))
        except ParseError:
            self._reply(400, b"")
        except (Dropped, OSError):
            self._drop()

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _refuse(self, error: SignInRefused) -> None:
        if error.wrong:
            self.server.ews.note_refusal()
        self.send_response(401)
        for challenge in error.challenges:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, user: str, document: Element) -> None:
        request = next(iter(child(document, "Body") or ()), None)
        if request is None:
            raise ParseError("no body")
        operation = local(request)
        self.server.ews.note(operation, user)
        met = self.server.ews.faults.next(operation)
        if met is not None and met.how in {"late", "outlive"}:
            self._wait(met)
            met = None
        if met is not None and met.when == "before":
            self._fail(met, operation)
            return
        try:
            if operation == "GetStreamingEvents":
                documents = self.server.ews.stream(user, document, request, self._gone)
                if met is None:
                    self._stream(documents)
                    return
                status, body = 200, b""
            else:
                status, body = 200, envelope(self.server.ews.run(user, document, request))
        except Refusal as error:
            status, body = 200, self._refusal(operation, error)
        except SoapFault as error:
            status, body = 500, fault(error, self.server.ews.personality.soap_prefix)
        if met is not None:
            self._fail(met, operation)
            return
        self._reply(status, body)

    def _wait(self, met: Fault) -> None:
        closed = self.server.ews.closed
        while met.how == "outlive" and not self._gone() and not closed.wait(LOOK_SECONDS):
            pass
        closed.wait(met.seconds)

    def _refusal(self, operation: str, error: Refusal) -> bytes:
        personality = self.server.ews.personality
        hidden = operation == "SendItem" and not personality.send_item_answers
        name = "Responses" if hidden else "ResponseMessages"
        message = refused(operation, error, shaped=personality.shaped_refusals)
        return envelope(answer(operation, [message], name))

    def _fail(self, met: Fault, operation: str) -> None:
        prefix = self.server.ews.personality.soap_prefix
        seconds = max(1, round(met.seconds))
        if met.how == "busy":
            back_off = {"BackOffMilliseconds": str(round(met.seconds * 1000))}
            text = "The server cannot service this request right now. Try again later."
            self._reply(500, fault(SoapFault("ErrorServerBusy", text, back_off), prefix))
        elif met.how == "429":
            self._reply(met.status, b"", ("Retry-After", str(seconds)))
        elif met.how == "503":
            self._reply(503, b"The service is unavailable.")
        elif met.how == "401":
            self._refuse(SignInRefused(('Bearer error="invalid_token"',), wrong=False))
        elif met.how == "broken":
            self._reply(500, envelope("<m:Half>")[:-30])
        elif met.how == "refuse":
            error = Refusal(met.code, "A test wants this refused.")
            self._reply(200, self._refusal(operation, error))
        else:
            if met.how == "freeze":
                self.server.ews.closed.wait(met.seconds)
            raise Dropped

    def _reply(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", XML)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, documents: Iterator[str]) -> None:
        """Chunks, each a whole document; an end without the last chunk is a cut."""
        first = next(documents)
        self.send_response(200)
        self.send_header("Content-Type", XML)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        last = first
        self._chunk(first)
        for last in documents:
            self._chunk(last)
        if "Closed" not in last:
            raise Dropped
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _chunk(self, document: str) -> None:
        body = envelope(document)
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.flush()

    def _gone(self) -> bool:
        """The client closed its end, or the server was told to stop."""
        if self.server.ews.stopped:
            return True
        poll = select.poll()
        try:
            poll.register(self.connection, select.POLLIN | select.POLLHUP)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
