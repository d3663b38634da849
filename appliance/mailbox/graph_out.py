"""What leaves a mailbox in Microsoft 365: drafts, whole or not at all, and their sending."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from appliance.domain.draft import Reply
from appliance.domain.errors import (
    ApplianceError,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyDeferred,
    ReplyRefused,
)
from appliance.mailbox import graph_item
from appliance.mailbox.graph_answer import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    TOO_MANY,
    Answer,
    Gone,
    NotSent,
    Untrusted,
    error_of,
)
from appliance.mailbox.graph_ask import Ask, literal, query, quoted
from appliance.mailbox.graph_folders import GraphFolders
from appliance.mailbox.graph_line import GraphLine
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place

_NONE_LEFT: Final = frozenset({BAD_REQUEST, 405, 501})


class GraphOut:
    """Drafts and their sending. Safe for threads."""

    def __init__(self, *, line: GraphLine, folders: GraphFolders) -> None:
        self._line = line
        self._folders = folders
        self._sending = threading.Lock()
        self._purges = True

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        """As ``MailStore.draft``; our tags come last, so what carries them all is complete."""
        parts = _Parts(
            content=graph_item.content(reply),
            tags={graph_item.tag_id(tag): value for tag, value in tags.items()},
            further={
                **graph_item.thread_properties(reply),
                **graph_item.header_properties(reply),
            },
        )
        taken = graph_item.message_headers(reply)
        # An empty list is refused.
        headers = {"internetMessageHeaders": taken} if taken else {}
        if original is not None:
            begun = self._begun(original, headers, tags.get(Tag.ORIGIN, ""))
            if begun is not None:
                return self._finished(begun, parts)
        path = f"/mailFolders/{self._folders.id(Place.DRAFTS)}/messages"
        whole = replace(parts, content={**parts.content, **headers})
        return Ref(_id(self._written("POST", path, whole).json()))

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        """As ``MailStore.tagged``."""
        id_ = graph_item.tag_id(tag)
        found = self.carrying(place, tag, value)
        return [Ref(one["id"]) for one in found if graph_item.prop(one, id_) == value]

    def carrying(
        self, place: Place, tag: Tag, value: str | None, *further: str
    ) -> Sequence[Mapping[str, Any]]:
        """Mails of a folder with their tag and further properties.

        With a value, those that the server finds to have it, case aside; else the whole folder.
        """
        id_ = graph_item.tag_id(tag)
        options = {"$select": "id", "$expand": graph_item.expand(id_, *further), "$top": "100"}
        if value is not None:
            which = f"ep/id eq {literal(id_)} and ep/value eq {literal(value)}"
            options["$filter"] = f"singleValueExtendedProperties/Any(ep: {which})"
        ask = query(options)
        return self._folders.inside(
            place,
            lambda path: list(
                self._line.items(Ask(path=f"/mailFolders/{path}/messages", query=ask))
            ),
        )

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        """As ``MailStore.send``."""
        committed = False

        def before() -> None:
            nonlocal committed
            if not committed:
                try:
                    commit()
                except BaseException as error:
                    raise _Uncommitted(error) from error
                committed = True

        ask = Ask(verb="POST", path=f"/messages/{quoted(ref)}/send", right="Mail.Send")
        with self._sending:
            try:
                answer = self._line.once(ask, before)
            except _Uncommitted as stopped:
                raise stopped.error from None
            except (NotSent, CredentialsRefused, Untrusted) as error:
                # Nothing else: after a good answer a transcript may not find room on the disk.
                if not committed:
                    raise
                raise ReplyDeferred(str(error)) from error
        _judge(answer, ask.right)

    def remove(self, ref: Ref) -> None:
        """Delete for good; what is gone is no error."""
        path = f"/messages/{quoted(ref)}"
        with suppress(Gone):
            if self._purges:
                ask = Ask(verb="POST", path=f"{path}/permanentDelete")
                answer = self._line.run(ask, accept=_NONE_LEFT | {NOT_FOUND})
                if answer.good or answer.gone:
                    return
                # National clouds have no such call: there it goes to the deleted items.
                self._purges = False
            self._line.run(Ask(verb="DELETE", path=path))

    def _begun(self, original: Ref, headers: Mapping[str, Any], origin: str) -> str | None:
        """A reply that the server threads, to be finished; None: it has to go without that."""
        self._sweep(origin)
        tag = {graph_item.tag_id(Tag.ORIGIN): origin} if origin else {}
        message = {**headers, "singleValueExtendedProperties": graph_item.properties(tag)}
        path = f"/messages/{quoted(original)}/createReply"
        ask = Ask(verb="POST", path=path, body={"message": message})
        try:
            answer = self._line.run(ask, accept=frozenset({BAD_REQUEST, NOT_FOUND}))
            return _id(answer.json()) if answer.good else None
        except MailboxUnreachable:
            # It may have been made all the same, and its answer was lost.
            with suppress(ApplianceError):
                self._sweep(origin)
            raise

    def _sweep(self, origin: str) -> None:
        """Remove drafts for one mail that were begun and never finished, of an earlier try too."""
        done = [graph_item.tag_id(tag) for tag in (Tag.REPLY, Tag.COPY)]
        for one in self.carrying(Place.DRAFTS, Tag.ORIGIN, origin, *done) if origin else ():
            if not any(graph_item.prop(one, id_) for id_ in done):
                self.remove(Ref(one["id"]))

    def _finished(self, draft: str, parts: "_Parts") -> Ref:
        try:
            self._written("PATCH", f"/messages/{quoted(draft)}", parts)
        except BaseException:
            with suppress(ApplianceError):
                self.remove(Ref(draft))
            raise
        return Ref(draft)

    def _written(self, verb: Literal["POST", "PATCH"], path: str, parts: "_Parts") -> Answer:
        """Write a draft; where the server wants none of the further properties, without them."""
        full = Ask(verb=verb, path=path, body=parts.body({**parts.tags, **parts.further}))
        answer = self._line.run(full, accept=frozenset({BAD_REQUEST}))
        if answer.good:
            return answer
        return self._line.run(replace(full, body=parts.body(parts.tags)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A draft: its properties in Graph, our tags, and what it is better with."""

    content: Mapping[str, Any]
    tags: Mapping[str, str]
    further: Mapping[str, str]

    def body(self, extended: Mapping[str, str]) -> dict[str, Any]:
        """As it is sent, with these extended properties."""
        return {**self.content, "singleValueExtendedProperties": graph_item.properties(extended)}


class _Uncommitted(Exception):
    """The commit failed, for a reason that is the caller's own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _judge(answer: Answer, right: str) -> None:
    """What an answer to a sending means; only what Graph says it did not do was not done."""
    if answer.good:
        return
    said = str(error_of(answer, right))
    if answer.status in {TOO_MANY, FORBIDDEN}:
        raise ReplyDeferred(said)
    if answer.status == BAD_REQUEST and answer.code and not answer.gone:
        raise ReplyRefused(f"Microsoft Graph does not take the reply ({answer.code}).")
    raise MailboxUnreachable(said)


def _id(item: Mapping[str, Any]) -> str:
    found = item.get("id")
    if not isinstance(found, str):
        raise MailboxUnreachable("Microsoft Graph answers without the id of a draft.")
    return found
