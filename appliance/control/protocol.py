"""What travels over the socket: one JSON object a line, requests up and responses down."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from appliance.domain import errors
from appliance.domain.errors import ApplianceError, ConfigError

REQUEST_LIMIT: Final = 1 << 20
"""Longest request line in bytes."""

RESPONSE_LIMIT: Final = 16 << 20
"""Longest response line in bytes."""


class Role(IntEnum):
    """What a caller may do; the greater includes the smaller."""

    VIEW = 1
    REVIEW = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is at the other end, as the kernel says; ``name`` is the login name or the bare uid."""

    uid: int
    gid: int
    pid: int
    name: str
    roles: frozenset[Role]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call; ``id`` is a UUID chosen by the client and stays the same when it tries again."""

    id: str
    verb: str
    arguments: dict[str, Any] = {}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call failed: the name of an error of the domain, and its sentence."""

    kind: str
    message: str


class Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to the request with the same ``id``; ``error`` is None where it is ``ok``."""

    id: str
    ok: bool
    result: Any = None
    error: Failure | None = None


BAD_REQUEST: Final = "BadRequest"
INTERNAL: Final = "InternalError"
_ERRORS: Final[Mapping[str, type[ApplianceError]]] = MappingProxyType(
    {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, ApplianceError)
    }
)


class Malformed(Exception):
    """A line is no request, or no response; the text says why and quotes nothing of it."""


def read_request(line: bytes) -> Request:
    """The request of a line.

    Raises:
        Malformed: it is none, or its id is no UUID.
    """
    try:
        request = msgspec.json.decode(line, type=Request)
        UUID(request.id)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("The line is no request of this protocol.") from error
    return request


def read_response(line: bytes) -> Response:
    """The response of a line.

    Raises:
        Malformed: it is none.
    """
    try:
        return msgspec.json.decode(line, type=Response)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("The line is no response of this protocol.") from error


def line(value: Request | Response) -> bytes:
    """A value as one line with its newline.

    Raises:
        TypeError: an argument or the result is nothing that JSON can carry.
    """
    try:
        return msgspec.json.encode(value) + b"\n"
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise TypeError("JSON cannot carry this value.") from error


def refusal(request_id: str, error: ApplianceError) -> Response:
    """The response that carries an error of the domain."""
    return failure(request_id, type(error).__name__, str(error))


def failure(request_id: str, kind: str, message: str) -> Response:
    """A response that says no."""
    return Response(id=request_id, ok=False, error=Failure(kind=kind, message=message))


def raised(error: Failure) -> ApplianceError:
    """The error of the domain that a failure stands for; its root where the name is unknown."""
    kind = _ERRORS.get(error.kind, ApplianceError)
    if issubclass(kind, ConfigError):
        return kind(tuple(error.message.splitlines()))
    return kind(error.message)
