"""The operations of the Graph server: who may ask them, what they do, what they answer."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.servers import graph_query, graph_sending, graph_shape, graph_values
from tests.servers.graph_delta import Deltas
from tests.servers.graph_errors import (
    GraphError,
    access_denied,
    bad_request,
    bad_token,
    malformed_id,
    not_found,
)
from tests.servers.graph_routes import Answer, Call
from tests.servers.graph_sending import Departures
from tests.servers.graph_shape import View
from tests.servers.graph_store import DELETIONS, Folder, Item, Store


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is good for: the mailboxes it may touch, and whether it may send."""

    mailboxes: frozenset[str]
    may_send: bool


class Tokens:
    """The tokens that count."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def add(self, token: str, *, mailboxes: Iterable[str], may_send: bool = True) -> None:
        """From now on it counts, for these mailboxes."""
        self._grants[token] = Grant(frozenset(one.lower() for one in mailboxes), may_send)

    def revoke(self, token: str) -> None:
        """It counts no more; to do so twice is the same as once."""
        self._grants.pop(token, None)

    def grant(self, header: str | None) -> Grant:
        """What an Authorization header gives; raises GraphError."""
        kind, _, token = (header or "").partition(" ")
        if not token or kind.lower() != "bearer":
            raise bad_token("Access token is empty.")
        found = self._grants.get(token)
        if found is None:
            raise bad_token("Lifetime validation failed, the token is expired.")
        return found


class Service:
    """Carries out what was understood; the caller holds the server's lock."""

    def __init__(self, stores: Mapping[str, Store], departures: Departures) -> None:
        self.stores = stores
        self.departures = departures
        self.tokens = Tokens()
        self.deltas = Deltas()
        self.base = ""

    def perform(self, call: Call) -> Answer:
        """Check who asks, and do it; raises GraphError."""
        grant = self.tokens.grant(call.request.headers.get("authorization"))
        store = self.stores.get(call.user)
        if store is None:
            raise GraphError(
                404, "ErrorInvalidUser", f"The requested user '{call.user}' is invalid."
            )
        if call.user not in grant.mailboxes or (call.operation == "send" and not grant.may_send):
            raise access_denied()
        return _Operation(self, store, call).run()


def _preferences(header: str) -> dict[str, str]:
    parts = (part.strip().partition("=") for part in header.split(","))
    return {name.lower(): value.strip('"') for name, _, value in parts if name}


class _Operation:
    def __init__(self, service: Service, store: Store, call: Call) -> None:
        self.service, self.store, self.call = service, store, call
        self.options = call.options
        self.prefer = _preferences(call.request.headers.get("prefer", ""))
        self.view = View(
            store,
            immutable=self.prefer.get("idtype") == "ImmutableId",
            text=self.prefer.get("outlook.body-content-type") == "text",
            select=graph_shape.selected(self.options["$select"])
            if "$select" in self.options and "folder" not in call.operation
            else (),
            expand=graph_shape.expanded(self.options["$expand"])
            if "$expand" in self.options
            else (),
        )

    def run(self) -> Answer:
        method: Callable[[], Answer] = getattr(self, self.call.operation)
        answer = method()
        if "idtype" in self.prefer and self.view.immutable:
            applied = {"Preference-Applied": 'IdType="ImmutableId"'}
            return Answer(
                status=answer.status,
                json=answer.json,
                content=answer.content,
                headers={**answer.headers, **applied},
            )
        return answer

    # What the request brings.

    def json(self, *, needed: bool = True) -> dict[str, Any]:
        content = self.call.request.body
        if not content:
            if needed:
                raise bad_request("Empty Payload. JSON content expected.")
            return {}
        try:
            told = json.loads(content)
        except ValueError:
            told = None
        kind = self.call.request.headers.get("content-type", "")
        if not isinstance(told, dict) or not kind.startswith("application/json"):
            raise bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set "
                "and payload is of valid JSON format."
            )
        return told

    def folder(self) -> Folder | None:
        asked = self.call.ids.get("folder")
        return None if asked is None else self.store.folder(asked)

    def item(self) -> Item:
        item = self.store.item(self.call.ids["message"])
        folder = self.folder()
        if folder is not None and item.folder is not folder:
            raise not_found()
        return item

    def link(self, **changes: str) -> str:
        """The address of this request with other options."""
        path = self.call.request.target.partition("?")[0]
        options = {**self.options, **changes}
        return f"{self.service.base}{path}?{urlencode(options, quote_via=quote, safe='$')}"

    def page(self, found: list[Any], show: Callable[[Any], Any]) -> Answer:
        """A slice of a list as ``$top``, ``$skip`` and the page size preferred want it."""
        preferred = self.prefer.get("odata.maxpagesize", "10")
        top = graph_query.whole(self.options.get("$top", preferred), "$top", 1, 1000)
        skip = graph_query.whole(self.options.get("$skip", "0"), "$skip", 0, 10**9)
        answer: dict[str, Any] = {"@odata.context": f"{self.service.base}/v1.0/$metadata"}
        if self.options.get("$count", "false").lower() == "true":
            answer["@odata.count"] = len(found)
        answer["value"] = [show(one) for one in found[skip : skip + top]]
        if skip + top < len(found):
            answer["@odata.nextLink"] = self.link(**{"$skip": str(skip + top)})
        return Answer(status=200, json=answer)

    # Folders.

    def list_folders(self) -> Answer:
        found = self.store.children(self.folder() or self.store.root)
        if "$filter" in self.options:
            told = re.fullmatch(
                r"(?:displayName eq ('.*')|startswith\(displayName,\s*('.*')\))",
                self.options["$filter"].strip(),
            )
            if told is None:
                raise graph_query.unclear("Folders are filtered by displayName.")
            wanted = graph_query.text(told[1] or told[2]).lower()
            found = [one for one in found if one.name.lower().startswith(wanted)]
            found = [one for one in found if told[1] is None or one.name.lower() == wanted]
        return self.page(found, self.shown_folder)

    def shown_folder(self, one: Folder) -> dict[str, Any]:
        shown = graph_shape.folder(self.store, one)
        if "$select" not in self.options:
            return shown
        names = [name.strip() for name in self.options["$select"].split(",")]
        for name in names:
            if name not in shown:
                raise graph_query.no_property(name)
        return {name: shown[name] for name in dict.fromkeys(["id", *names])}

    def create_folder(self) -> Answer:
        told = self.json()
        name = told.get("displayName")
        if not isinstance(name, str) or not name.strip() or set(told) - {"displayName", "isHidden"}:
            raise bad_request("A folder needs a displayName.", "ErrorInvalidProperty")
        made = self.store.create_folder(name, self.folder() or self.store.root)
        return Answer(status=201, json=graph_shape.folder(self.store, made))

    def get_folder(self) -> Answer:
        folder = self.folder()
        assert folder is not None
        return Answer(status=200, json=self.shown_folder(folder))

    # Messages.

    def list_messages(self) -> Answer:
        folder = self.folder()
        found = list(folder.items.values() if folder else self.store.visible())
        read = graph_shape.reading(self.store)
        filtered = None
        if "$filter" in self.options:
            filtered = graph_query.parse(self.options["$filter"], read)
            found = [one for one in found if filtered.test(one)]
        found.sort(key=lambda one: one.received, reverse=True)
        if "$orderby" in self.options:
            order = graph_query.order(self.options["$orderby"], filtered)
            for name, falling in reversed(order):
                found.sort(key=lambda one, name=name: read(one, name), reverse=falling)  # type: ignore[misc]
        return self.page(found, self.view.message)

    def create_message(self) -> Answer:
        folder = self.folder() or self.store.folder("drafts")
        if self.call.request.headers.get("content-type", "").startswith("text/plain"):
            made = graph_sending.create_from_mime(self.store, folder, self.call.request.body)
        else:
            made = graph_sending.create(self.store, folder, self.json())
        return Answer(status=201, json=self.view.message(made))

    def get_message(self) -> Answer:
        return Answer(status=200, json=self.view.message(self.item()))

    def get_mime(self) -> Answer:
        content = graph_shape.raw_of(self.store, self.item())
        return Answer(status=200, content=content, headers={"Content-Type": "text/plain"})

    def update_message(self) -> Answer:
        item, told = self.item(), self.json()
        self.check_version(item)
        changes = graph_values.changes(told, item)
        extended = graph_values.extended(told.get("singleValueExtendedProperties", []))
        item.fields |= changes
        if "internetMessageId" in changes:
            talk = item.fields["conversationId"]
            self.store.conversations.setdefault(changes["internetMessageId"], talk)
        if graph_sending.MESSAGE_ID in extended:
            item.fields["internetMessageId"] = extended.pop(graph_sending.MESSAGE_ID)
        item.properties |= extended
        self.store.touch(item, read=set(told) == {"isRead"})
        return Answer(status=200, json=self.view.message(item))

    def check_version(self, item: Item) -> None:
        wanted = self.call.request.headers.get("if-match", "*")
        if wanted not in {"*", f'W/"{graph_shape.change_key(item)}"'}:
            raise GraphError(
                412,
                "ErrorIrresolvableConflict",
                "The send or update operation could not be performed because the change key "
                "passed in the request does not match the current change key for the item.",
            )

    def delete_message(self) -> Answer:
        item = self.item()
        if item.folder.known_as == DELETIONS:
            raise bad_request("Object cannot be deleted.", "ErrorCannotDeleteObject")
        self.store.move(item, self.store.folder(DELETIONS))
        return Answer(status=204)

    def permanent_delete(self) -> Answer:
        self.store.purge(self.item())
        return Answer(status=204)

    def create_reply(self) -> Answer:
        original = self.item()
        if self.call.request.headers.get("content-type", "").startswith("text/plain"):
            drafts = self.store.folder("drafts")
            made = graph_sending.create_from_mime(self.store, drafts, self.call.request.body)
            made.fields["conversationId"] = original.fields["conversationId"]
        else:
            made = graph_sending.create_reply(self.store, original, self.json(needed=False))
        return Answer(status=201, json=self.view.message(made))

    def send(self) -> Answer:
        self.service.departures.send(self.store, self.item())
        return Answer(status=202)

    def move(self) -> Answer:
        item, told = self.item(), {name.lower(): value for name, value in self.json().items()}
        if set(told) != {"destinationid"} or not isinstance(told["destinationid"], str):
            raise bad_request("The parameter destinationId is missing.", "RequestBodyRead")
        if not told["destinationid"]:
            raise malformed_id()
        self.store.move(item, self.store.folder(told["destinationid"]))
        return Answer(status=201, json=self.view.message(item))

    def delta(self) -> Answer:
        folder = self.folder()
        assert folder is not None
        size = self.prefer.get("odata.maxpagesize")
        told = graph_query.whole(size, "odata.maxpagesize", 1, 1000) if size else None
        user, where = quote(self.store.address), quote(folder.id)

        def link(name: str, token: str) -> str:
            path = f"/v1.0/users('{user}')/mailFolders('{where}')/messages/delta"
            return f"{self.service.base}{path}?{name}={token}"

        page = self.service.deltas.page(self.store, folder, self.options, self.view, told, link)
        context = {"@odata.context": f"{self.service.base}/v1.0/$metadata#Collection(message)"}
        return Answer(status=200, json=context | page)
