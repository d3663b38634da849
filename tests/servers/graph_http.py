"""The Graph server's side that speaks HTTP/1.1 over TLS: connections, faults, limits, the log."""

import base64
import json
import socket
import ssl
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import uuid4

from tests.servers.graph_errors import GraphError, bad_request, bad_token, throttled
from tests.servers.graph_faults import Fault, Faults
from tests.servers.graph_routes import Answer, Call, Request, understand
from tests.servers.graph_service import Service

MOST_BODY: Final = 4 * 1024 * 1024
"""Bytes that a request may have; beyond that is 413."""
MOST_IN_BATCH: Final = 20


@dataclass(frozen=True, slots=True)
class Wire:
    """What goes over the line; ``keep``: so much of it (1.0: all), then the connection closes."""

    status: int
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    keep: float = 1.0


DROPPED: Final = Wire(0, keep=0.0)


class Front:
    """Takes requests from all connections; the service behind it sees one at a time."""

    def __init__(self, service: Service, lock: threading.RLock, faults: Faults) -> None:
        self.service, self.lock, self.faults = service, lock, faults
        self.concurrency_limit: int | None = None
        self.retry_after = 1.0
        self.requests: list[tuple[float, str, int]] = []
        self.arrived: Counter[str] = Counter()
        self.changed = threading.Condition()
        self.halted = threading.Event()
        self.failures: list[str] = []
        self.late: list[threading.Thread] = []
        self._running: Counter[tuple[str, str | None]] = Counter()

    def handle(self, request: Request) -> Wire:
        """The answer to a request, or what a fault makes of it."""
        try:
            if request.target == "/v1.0/$batch" and request.method == "POST":
                return self._batch(request)
            return self._single(request)
        except Exception:  # noqa: BLE001  # whatever it is, the test must hear of it
            with self.changed:
                self.failures.append(traceback.format_exc())
            return _wire(GraphError(500, "ErrorInternalServerError", "See the failures."))

    def _batch(self, request: Request) -> Wire:
        """JSON batching: up to 20 requests in one, each as if it had come alone, one by one."""
        try:
            told = json.loads(request.body)["requests"]
            parts = [_part(one, request) for one in told]
        except (ValueError, KeyError, TypeError):
            return _wire(bad_request("Invalid batch payload format."))
        if len(parts) > MOST_IN_BATCH:
            return _wire(bad_request("Number of batch request steps exceeds the max value of 20."))
        answers = [{"id": name, **_in_batch(self._single(part))} for name, part in parts]
        return _wire(Answer(status=200, json={"responses": answers}))

    def _single(self, request: Request) -> Wire:
        try:
            call = understand(request)
        except GraphError as error:
            self._log(request.method, request.target.partition("?")[0], error.status)
            return _wire(error)
        with self.changed:
            self.arrived[call.operation] += 1
            self.changed.notify_all()
        with self._counted(call) as fits:
            if fits:
                wire = self._under(self.faults.draw(call.operation, call.user), call)
            else:
                message = "Application is over its MailboxConcurrency limit."
                wire = _wire(throttled(self.retry_after, message))
        self._log(request.method, call.template, wire.status)
        return wire

    def _log(self, method: str, path: str, status: int) -> None:
        with self.changed:
            self.requests.append((time.monotonic(), f"{method} {path}", status))
            self.changed.notify_all()

    @contextmanager
    def _counted(self, call: Call) -> Iterator[bool]:
        key = call.user, call.request.headers.get("authorization")
        with self.changed:
            limit = self.concurrency_limit
            fits = limit is None or self._running[key] < limit
            self._running[key] += 1
        try:
            yield fits
        finally:
            with self.changed:
                self._running[key] -= 1

    def perform(self, call: Call) -> Wire:
        """Carry a call out, whatever the client does meanwhile."""
        with self.lock:
            try:
                return _wire(self.service.perform(call))
            except GraphError as error:
                return _wire(error)

    def _under(self, fault: Fault | None, call: Call) -> Wire:
        if fault is None:
            return self.perform(call)
        if fault.when == "later":
            late = threading.Thread(target=self._later, args=(fault, call), daemon=True)
            self.late.append(late)
            late.start()
            return DROPPED
        halted = self.halted
        if fault.how == "freeze" and fault.when == "before" and not self._wait(fault, halted):
            return DROPPED
        done = None
        if fault.how in {"freeze", "cut", "broken_json"} or fault.when == "after":
            done = self.perform(call)
        if fault.how == "freeze" and fault.when == "after" and not self._wait(fault, halted):
            return DROPPED
        return _spoilt(fault, done)

    def _wait(self, fault: Fault, halted: threading.Event) -> bool:
        """False where the server stopped meanwhile."""
        self.faults.thaw.wait(fault.seconds)
        return not halted.is_set()

    def _later(self, fault: Fault, call: Call) -> None:
        self.faults.thaw.wait(fault.seconds)
        self.perform(call)


def _part(told: Any, whole: Request) -> tuple[str, Request]:
    body = b"" if "body" not in told else json.dumps(told["body"]).encode()
    headers = {name.lower(): value for name, value in told.get("headers", {}).items()}
    headers["authorization"] = whole.headers.get("authorization", "")
    target = f"/v1.0/{told['url'].lstrip('/')}"
    return str(told["id"]), Request(
        method=told["method"].upper(), target=target, headers=headers, body=body
    )


def _in_batch(wire: Wire) -> dict[str, Any]:
    if wire is DROPPED:
        wire = _wire(GraphError(504, "UnknownError", ""))
    shown: dict[str, Any] = {"status": wire.status, "headers": wire.headers}
    if wire.headers.get("Content-Type", "").startswith("application/json"):
        shown["body"] = json.loads(wire.content)
    elif wire.content:
        shown["body"] = base64.b64encode(wire.content).decode()
    return shown


def _spoilt(fault: Fault, done: Wire | None) -> Wire:  # noqa: PLR0911 - one for each fault
    match fault.how:
        case "drop":
            return DROPPED
        case "502":
            page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
            return Wire(502, page, {"Content-Type": "text/html"})
        case "cut":
            assert done is not None
            return Wire(done.status, done.content, done.headers, keep=0.5)
        case "broken_json" if done is not None and not _is_json(done):
            return Wire(done.status, done.content, done.headers, keep=0.5)
        case "freeze":
            assert done is not None
            return done
        case "broken_json":
            assert done is not None
            half = done.content[: len(done.content) // 2] or b"{"
            return Wire(done.status, half, {**done.headers, "Content-Type": "application/json"})
        case _:
            return _wire(_failure(fault))


def _is_json(answer: Wire) -> bool:
    """Half a mail under a whole one's length could be told by nobody."""
    return not answer.content or "json" in answer.headers.get("Content-Type", "")


def _failure(fault: Fault) -> GraphError:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    match fault.how:
        case "401":
            return bad_token("Lifetime validation failed, the token is expired.")
        case "429":
            return throttled(fault.retry_after, "Too many requests.")
        case "503":
            return GraphError(503, "serviceNotAvailable", "Service unavailable.", headers)
        case "504":
            return GraphError(504, "UnknownError", "", headers)
        case _:
            return GraphError(500, "ErrorInternalServerError", "An internal server error occurred.")


def _wire(told: Answer | GraphError) -> Wire:
    if isinstance(told, GraphError):
        content = json.dumps(told.body()).encode()
        return Wire(told.status, content, {"Content-Type": "application/json", **told.headers})
    if told.content is not None:
        return Wire(told.status, told.content, dict(told.headers))
    if told.json is None:
        return Wire(told.status, b"", dict(told.headers))
    kind = "application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8"
    content = json.dumps(told.json, ensure_ascii=False).encode("utf-8", "replace")
    return Wire(told.status, content, {"Content-Type": kind, **told.headers})


class HttpServer(ThreadingHTTPServer):
    """One listening socket with its connections."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, front: Front, context: ssl.SSLContext | None) -> None:
        self.front, self.context = front, context
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """A connection; TLS begins here, so that a slow client keeps nobody else waiting."""
        with self._lock:
            self._open.add(request)
        try:
            if self.context is None:
                super().finish_request(request, client_address)
                return
            with self.context.wrap_socket(
                request, server_side=True, suppress_ragged_eofs=True
            ) as wrapped:
                with self._lock:
                    self._open.add(wrapped)
                super().finish_request(wrapped, client_address)
                with self._lock:
                    self._open.discard(wrapped)
        finally:
            with self._lock:
                self._open.discard(request)

    def cut_all(self) -> None:
        """Close every connection, in the middle of whatever it does."""
        with self._lock:
            for one in self._open:
                try:
                    socket.socket.shutdown(one, socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    timeout = 120

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_PATCH(self) -> None:
        self._respond()

    def do_DELETE(self) -> None:
        self._respond()

    def do_PUT(self) -> None:
        self._respond()

    def _respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if length > MOST_BODY:
            self._send(_wire(GraphError(413, "RequestEntityTooLarge", "The request is too big.")))
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        self._send(self.server.front.handle(request))

    def _send(self, wire: Wire) -> None:
        if wire is DROPPED:
            self.close_connection = True
            return
        phrase = HTTPStatus(wire.status).phrase
        headers = {"Content-Length": str(len(wire.content)), "request-id": str(uuid4())}
        if asked := self.headers.get("client-request-id"):
            headers["client-request-id"] = asked
        if wire.status == HTTPStatus.NO_CONTENT:
            del headers["Content-Length"]
        lines = [f"HTTP/1.1 {wire.status} {phrase}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in {**headers, **wire.headers}.items()]
        whole = "\r\n".join([*lines, "", ""]).encode() + wire.content
        if wire.keep < 1:
            self.close_connection = True
            whole = whole[: int(len(whole) * wire.keep)]
        self.wfile.write(whole)
        self.wfile.flush()
