"""One request to one response: the caller's role, repeats of a UUID, and what a handler raises."""

import hashlib
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from appliance.control.protocol import (
    BAD_REQUEST,
    INTERNAL,
    RESPONSE_LIMIT,
    Caller,
    Malformed,
    Request,
    Response,
    Role,
    failure,
    line,
    read_request,
    refusal,
)
from appliance.domain.errors import ApplianceError, Conflict, NotAllowed, NotFound

log = logging.getLogger(__name__)

NOBODY: Final = ""
"""The id of a response to a line that was no request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What a verb does.

    Attributes:
        role: who may call it.
        mutates: it changes something; a repeat of its UUID gets the first answer.
        run: takes the caller and the arguments, returns what JSON can carry, raises errors of the
            domain; several threads may call it.
    """

    role: Role
    mutates: bool
    run: Callable[[Caller, Mapping[str, object]], object]


class Answers(Protocol):
    """Where answers to commands are kept, by UUID."""

    def answered(self, uuid: str) -> str | None: ...
    def remember(self, uuid: str, answer: str) -> None: ...


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A kept answer and what it was the answer to."""

    request: str
    result: msgspec.Raw


class Dispatch:
    """The table of verbs. Only what was done is kept; a command that failed may be tried again."""

    def __init__(self, *, handlers: Mapping[str, Handler], answers: Answers) -> None:
        self._handlers = dict(handlers)
        self._answers = answers
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, Future[Response]]] = {}

    def answer(self, caller: Caller, raw: bytes) -> bytes:
        """The response line to a request line; never raises."""
        try:
            request = read_request(raw)
        except Malformed as error:
            return line(failure(NOBODY, BAD_REQUEST, str(error)))
        return self._encoded(request, self._respond(caller, request))

    def _encoded(self, request: Request, response: Response) -> bytes:
        try:
            encoded = line(response)
        except TypeError:
            log.error("verb=%s result cannot be encoded", request.verb)  # noqa: TRY400
            return line(_internal(request))
        if len(encoded) > RESPONSE_LIMIT:
            return line(refusal(request.id, Conflict("The answer is too long: ask for less.")))
        return encoded

    def _respond(self, caller: Caller, request: Request) -> Response:
        try:
            handler = self._allowed(caller, request)
            if handler.mutates:
                return self._once(caller, request, handler)
            return _done(request, handler.run(caller, request.arguments))
        except ApplianceError as error:
            return refusal(request.id, error)
        except Exception as error:  # noqa: BLE001 - a handler's mistake must not end the server
            # The error's own text may quote a mail.
            kind = type(error).__name__
            log.error("verb=%s failed: %s at %s", request.verb, kind, _place(error))  # noqa: TRY400
            return _internal(request)

    def _allowed(self, caller: Caller, request: Request) -> Handler:
        handler = self._handlers.get(request.verb)
        if handler is None:
            raise NotFound("The daemon does not know this verb; is it of another version?")
        if handler.role not in caller.roles:
            raise NotAllowed(
                f"{caller.name} may not do this; members of the group "
                f"appliance-{handler.role.name.lower()} may."
            )
        return handler

    def _once(self, caller: Caller, request: Request, handler: Handler) -> Response:
        """Run a command, or give the answer that its UUID got or is getting."""
        key = f"{caller.uid}:{request.id.lower()}"
        content = _content(request)
        mine: Future[Response] = Future()
        with self._lock:
            before, running = self._running.setdefault(key, (content, mine))
        if running is not mine:
            _same(before, content)
            return running.result()
        try:
            kept = self._answers.answered(key)
            if kept is None:
                result = handler.run(caller, request.arguments)
                self._keep(key, content, result)
                response = _done(request, result)
            else:
                answer = msgspec.json.decode(kept, type=_Answer)
                _same(answer.request, content)
                response = _done(request, answer.result)
            mine.set_result(response)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._running[key]
        return response

    def _keep(self, key: str, content: str, result: object) -> None:
        raw = msgspec.Raw(msgspec.json.encode(result))
        answer = msgspec.json.encode(_Answer(request=content, result=raw)).decode()
        try:
            self._answers.remember(key, answer)
        except ApplianceError as error:
            # It is done all the same; only a repeat would not be recognised.
            log.warning("an answer was not kept: %s", type(error).__name__)


def _done(request: Request, result: object) -> Response:
    return Response(id=request.id, ok=True, result=result)


def _internal(request: Request) -> Response:
    return failure(request.id, INTERNAL, "internal error; the journal of the service tells more")


def _content(request: Request) -> str:
    """What a command asks for, as a hash: its text may be a mail's."""
    asked = msgspec.json.encode([request.verb, request.arguments], order="deterministic")
    return hashlib.sha256(asked).hexdigest()


def _same(before: str, content: str) -> None:
    if before != content:
        raise Conflict("This UUID belongs to another command.")


def _place(error: Exception) -> str:
    """File and line where an error was raised, which say more than its name and quote nothing."""
    trace = traceback.extract_tb(error.__traceback__)
    return f"{Path(trace[-1].filename).name}:{trace[-1].lineno}" if trace else "unknown place"
