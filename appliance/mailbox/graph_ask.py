"""What is asked of Microsoft Graph: one request, and how OData writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

from appliance.domain.errors import MailboxUnreachable
from appliance.mailbox.graph_answer import LONGEST_JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request.

    Attributes:
        path: below the mailbox, ids quoted (``quoted``).
        query: as it stands in the address; ``query`` makes one.
        body: sent as JSON.
        prefer: a further preference (RFC 7240).
        most: bytes of an answer that are taken; a longer one has no body.
        right: the permission that this needs.
    """

    path: str
    verb: Literal["GET", "POST", "PATCH", "DELETE"] = "GET"
    query: str = ""
    body: Mapping[str, Any] | None = None
    prefer: str = ""
    most: int = LONGEST_JSON
    right: Literal["Mail.ReadWrite", "Mail.Send"] = "Mail.ReadWrite"


def quoted(name: str) -> str:
    """An id as it stands in a path."""
    return quote(name, safe="")


def query(options: Mapping[str, str]) -> str:
    """OData options as they stand in an address."""
    return urlencode(options, quote_via=quote, safe="$")


def literal(text: str) -> str:
    """A string of an OData expression (OData 4.01 URL Conventions §5.1.1.14.1)."""
    return "'" + text.replace("'", "''") + "'"


def values(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a page that have an id."""
    found = page.get("value")
    if not isinstance(found, list):
        raise MailboxUnreachable("Microsoft Graph answers with something else than a list.")
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
