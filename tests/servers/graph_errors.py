"""Refusals of the Graph server, with the codes and sentences that Graph is known to use."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


class GraphError(Exception):
    """An answer that is an error: status, code and message, and headers beside the usual ones."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The JSON that Graph sends with it."""
        request = str(uuid4())
        inner = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request,
            "client-request-id": request,
        }
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


def not_found() -> GraphError:
    """What an id answers that belongs to nothing any more."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def malformed_id() -> GraphError:
    """What an id answers that never was one."""
    return GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    """A request that the front of Graph refuses before Exchange sees it."""
    return GraphError(400, code, message)


def read_only(name: str) -> GraphError:
    """A property that may not be written, or not at this moment of a message's life."""
    return GraphError(
        400, "ErrorInvalidPropertySet", f"Set action is invalid for property '{name}'."
    )


def access_denied(
    message: str = "Access is denied. Check credentials and try again.",
) -> GraphError:
    """No right to the mailbox, or to what is asked of it."""
    return GraphError(403, "ErrorAccessDenied", message)


def bad_token(message: str = "Access token validation failure. Invalid audience.") -> GraphError:
    """No token, or one that does not count (any more)."""
    where = (
        'Bearer realm="", authorization_uri="https://login.example.com/common/oauth2/authorize", '
        'client_id="00000003-0000-0000-c000-000000000000"'
    )
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": where})


def state_lost(code: str = "SyncStateNotFound") -> GraphError:
    """A delta token whose state the server has given up."""
    return GraphError(
        410, code, "The sync state generation is not found; generation=1;[highest=8][8][6][7]."
    )


def throttled(seconds: float | None, message: str) -> GraphError:
    """Too much was asked; not before ``seconds`` again (None: it is not said)."""
    headers = {} if seconds is None else {"Retry-After": f"{seconds:g}"}
    return GraphError(429, "ApplicationThrottled", message, headers)
