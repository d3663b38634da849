"""What requests mean to the Graph server: paths, methods, and the query options that each takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from tests.servers.graph_errors import GraphError, bad_request

_KEYED: Final = re.compile(r"/(\w+)\('([^']*)'\)")
_OF_A_MESSAGE: Final = {
    "": {"GET": "get_message", "PATCH": "update_message", "DELETE": "delete_message"},
    "/$value": {"GET": "get_mime"},
    "/createReply": {"POST": "create_reply"},
    "/send": {"POST": "send"},
    "/move": {"POST": "move"},
    "/permanentDelete": {"POST": "permanent_delete"},
}
_ROUTES: Final = {
    "/mailFolders": {"GET": "list_folders", "POST": "create_folder"},
    "/mailFolders/{folder}": {"GET": "get_folder"},
    "/mailFolders/{folder}/childFolders": {"GET": "list_folders", "POST": "create_folder"},
    "/mailFolders/{folder}/messages": {"GET": "list_messages", "POST": "create_message"},
    "/mailFolders/{folder}/messages/delta": {"GET": "delta"},
    "/messages": {"GET": "list_messages", "POST": "create_message"},
    **{
        f"{start}{end}": methods
        for start in ("/mailFolders/{folder}/messages/{message}", "/messages/{message}")
        for end, methods in _OF_A_MESSAGE.items()
    },
}
_PATTERNS: Final = [
    (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))), path, methods)
    for path, methods in _ROUTES.items()
]
_OPTIONS: Final = {
    "list_folders": "$top $skip $count $filter $select $orderby includeHiddenFolders",
    "get_folder": "$select",
    "list_messages": "$top $skip $count $filter $select $orderby $expand",
    "get_message": "$select $expand",
    "delta": "$select $expand $filter $orderby $top $deltatoken $skiptoken changeType",
}
"""What each operation takes; where nothing stands, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request, with its path still quoted; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: JSON, or for MIME content bytes."""

    status: int
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request understood: what it means, of which mailbox, with which ids and options."""

    request: Request
    operation: str
    template: str
    user: str
    ids: Mapping[str, str]
    options: Mapping[str, str]


def understand(request: Request) -> Call:
    """What a request asks; raises GraphError where there is no such thing."""
    path, _, query = request.target.partition("?")
    path = _KEYED.sub(r"/\1/\2", unquote(path))
    if not path.startswith("/v1.0/"):
        raise bad_request(f"Invalid version: {path.split('/')[1]}")
    if path.startswith("/v1.0/me"):
        raise bad_request("/me request is only valid with delegated authentication flow.")
    found = re.fullmatch(r"/v1\.0/users/([^/]+)(/.*)", path)
    rest = found[2].replace("/microsoft.graph.", "/").removesuffix("()") if found else path
    for pattern, template, methods in _PATTERNS:
        match = pattern.fullmatch(rest)
        if found is None or match is None:
            continue
        if request.method not in methods:
            raise GraphError(405, "UnsupportedMethod", "The HTTP method is not supported here.")
        return Call(
            request=request,
            operation=methods[request.method],
            template=f"/users/{{user}}{template}",
            user=found[1].lower(),
            ids=match.groupdict(),
            options=_options(query, methods[request.method]),
        )
    raise bad_request(f"Resource not found for the segment '{path.rpartition('/')[2]}'.")


def _options(query: str, operation: str) -> dict[str, str]:
    found: dict[str, str] = {}
    known = {one.lower(): one for one in _OPTIONS.get(operation, "").split()}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() not in known:
            raise bad_request(
                f"The query specified in the URI is not valid. Query option '{name}' is not "
                "supported here.",
                "ErrorInvalidUrlQuery",
            )
        found[known[name.lower()]] = value
    return found
