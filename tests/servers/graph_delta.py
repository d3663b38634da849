"""Delta query of the Graph server: rounds of pages, tokens that can be lost, what is told how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from typing import Any, Final

from tests.servers import graph_query, graph_shape
from tests.servers.graph_errors import GraphError, bad_request, state_lost
from tests.servers.graph_query import Filter
from tests.servers.graph_shape import View
from tests.servers.graph_store import Folder, Gone, Item, Store

MOST_TOKENS: Final = 2_000
"""Older ones are given up, as Exchange gives up generations."""
KINDS: Final = ("created", "updated", "deleted")
_START: Final = "dt_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the first request of a delta asked for; it holds for all that follow."""

    folder: str
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    filtered: Filter | None = None
    kind: str = ""
    page: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a token stands for: changes after ``since``, or the rest of a round."""

    wish: Wish
    since: int
    rest: tuple[Item | Gone, ...] | None = None
    until: int = 0


@dataclass(slots=True)
class Deltas:
    """The states that tokens stand for; used under the server's lock."""

    code: str = "SyncStateNotFound"
    states: dict[str, State] = field(default_factory=dict)

    def forget(self, code: str) -> None:
        """Give up every state; ``code``: what is answered then."""
        self.states.clear()
        self.code = code

    def page(
        self,
        store: Store,
        folder: Folder,
        options: Mapping[str, str],
        view: View,
        size: int | None,
        link: Callable[[str, str], str],
    ) -> dict[str, Any]:
        """One page; ``link`` makes a whole address of the name and value of a token."""
        state = self._state(store, folder, options)
        wish = state.wish
        if state.rest is None:
            rest, until = _changes(store, folder, state), store.step
        else:
            rest, until = state.rest, state.until
        length = size or wish.page
        view = replace(view, select=wish.select, expand=wish.expand)
        answer: dict[str, Any] = {"value": _shown(rest[:length], folder, state.since, view)}
        if len(rest) > length:
            left = replace(state, rest=tuple(rest[length:]), until=until)
            answer["@odata.nextLink"] = link("$skiptoken", self._token(left))
        else:
            done = State(wish=wish, since=until)
            answer["@odata.deltaLink"] = link("$deltatoken", self._token(done))
        return answer

    def _token(self, state: State) -> str:
        token = f"{_START}{token_urlsafe(48)}"
        self.states[token] = state
        while len(self.states) > MOST_TOKENS:
            del self.states[next(iter(self.states))]
        return token

    def _state(self, store: Store, folder: Folder, options: Mapping[str, str]) -> State:
        tokens = [options[name] for name in ("$deltatoken", "$skiptoken") if name in options]
        if not tokens:
            return State(wish=_wish(store, folder, options), since=0)
        if len(options) > 1:
            raise bad_request("A token already holds every other query option.")
        if not tokens[0].startswith(_START):
            raise bad_request("Badly formed token.")
        state = self.states.get(tokens[0])
        if state is None or state.wish.folder != folder.id:
            raise self._lost()
        return state

    def _lost(self) -> GraphError:
        return state_lost(self.code)


def _wish(store: Store, folder: Folder, options: Mapping[str, str]) -> Wish:
    if options.get("$orderby", "receivedDateTime desc") != "receivedDateTime desc":
        raise _unsupported("$orderby", "receivedDateTime desc")
    kind = options.get("changeType", "")
    if kind and kind not in KINDS:
        raise bad_request(f"'{kind}' is no change type.", "ErrorInvalidUrlQuery")
    filtered = None
    if "$filter" in options:
        filtered = graph_query.parse(options["$filter"], graph_shape.reading(store))
        words = options["$filter"].split()
        if len(words) != 3 or words[0] != "receivedDateTime" or words[1] not in {"ge", "gt"}:
            raise _unsupported("$filter", "receivedDateTime ge value")
    return Wish(
        folder=folder.id,
        select=graph_shape.selected(options["$select"]) if "$select" in options else (),
        expand=graph_shape.expanded(options["$expand"]) if "$expand" in options else (),
        filtered=filtered,
        kind=kind,
        page=graph_query.whole(options.get("$top", "10"), "$top", 1, 1000),
    )


def _unsupported(option: str, supported: str) -> GraphError:
    return bad_request(
        f"The '{option}' parameter value is not supported for 'Messages' resource; only a value "
        f"of '{supported}' is supported.",
        "ErrorInvalidUrlQuery",
    )


def _changes(store: Store, folder: Folder, state: State) -> tuple[Item | Gone, ...]:
    """At first everything, the newest first; later the changes, the oldest first."""
    since, wish = state.since, state.wish
    items = [one for one in folder.items.values() if max(one.changed, one.read_changed) > since]
    if wish.filtered is not None:
        items = [one for one in items if wish.filtered.test(one)]
    if since == 0:
        items.sort(key=lambda one: one.received, reverse=True)
        return tuple(items) if wish.kind in {"", "created"} else ()
    items.sort(key=lambda one: max(one.changed, one.read_changed))
    if wish.kind in {"created", "updated"}:
        items = [one for one in items if (one.entered > since) == (wish.kind == "created")]
    if wish.kind == "deleted":
        items = []
    gone = [one for one in folder.gone.values() if one.left > since >= one.entered]
    return (*items, *(gone if wish.kind in {"", "deleted"} else ()))


def _shown(
    some: Sequence[Item | Gone], folder: Folder, since: int, view: View
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for one in some:
        if isinstance(one, Gone):
            if not (view.immutable and one.serial in folder.items):
                lost = one.immutable if view.immutable else one.id
                shown.append({"id": lost, "@removed": {"reason": "deleted"}})
        elif one.folder is folder and one.serial in folder.items:
            shown.append(_change(one, since, view))
    return shown


def _change(item: Item, since: int, view: View) -> dict[str, Any]:
    """A message; where no more than its being read changed, no more than that is told."""
    kind = {"@odata.type": "#microsoft.graph.message"}
    if since and item.changed <= since:
        return {**kind, "id": view.id(item), "isRead": item.fields["isRead"]}
    return kind | view.message(item)
