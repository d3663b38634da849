"""A mailbox in Microsoft 365, spoken to by Microsoft Graph v1.0."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from appliance.config.accounts import GraphSettings
from appliance.config.settings import MailboxSettings
from appliance.domain.draft import Reply
from appliance.domain.mail import Message, MessageId
from appliance.domain.ports import Clock
from appliance.mailbox import graph_item
from appliance.mailbox.graph_answer import BAD_REQUEST, NOT_FOUND, Gone
from appliance.mailbox.graph_ask import Ask, query, quoted
from appliance.mailbox.graph_folders import GraphFolders
from appliance.mailbox.graph_line import GraphLine, Listener
from appliance.mailbox.graph_out import GraphOut
from appliance.mailbox.graph_read import GraphRead
from appliance.mailbox.graph_sync import GraphSync
from appliance.mailbox.mailstore import (
    LIMIT_FACTOR,
    Begun,
    Changes,
    Listed,
    Mail,
    Marks,
    Note,
    Ref,
    Spot,
    Tag,
    connect_seconds,
    note_subject,
    note_text,
)
from appliance.mailbox.places import Place
from appliance.mailbox.signin import SignIn

PEEK_SECONDS: Final = 10.0
"""Graph cannot call a box behind a router, so a waiting one looks this often."""


def open_store(
    settings: MailboxSettings, *, sign_in: SignIn, clock: Clock, recorder: Listener | None = None
) -> "GraphStore":
    """The store of a mailbox of kind graph; nothing is connected before it is used.

    Args:
        settings: of kind graph.
        sign_in: gives access tokens for Graph.
        clock: the time.
        recorder: hears every exchange.
    """
    return GraphStore(settings.graph, sign_in=sign_in, clock=clock, recorder=recorder)


class GraphStore:
    """A ``MailStore`` by Graph; a mail's immutable id is its reference and its key."""

    drafts_prove = True

    def __init__(
        self,
        settings: GraphSettings,
        *,
        sign_in: SignIn,
        clock: Clock,
        recorder: Listener | None = None,
    ) -> None:
        self._clock = clock
        answering = LIMIT_FACTOR * settings.timeout_seconds
        self.limit_seconds = connect_seconds(settings) + answering
        self._line = GraphLine(settings, sign_in=sign_in, clock=clock, recorder=recorder)
        self._folders = GraphFolders(settings, line=self._line, clock=clock)
        self._sync = GraphSync(line=self._line, folders=self._folders)
        self._reading = GraphRead(settings, line=self._line, folders=self._folders, clock=clock)
        self._out = GraphOut(line=self._line, folders=self._folders)
        self._alarm = threading.Event()

    def begin(self, place: Place, since: datetime) -> Begun:
        return self._sync.begin(place, since)

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        return self._sync.changes(place, state, limit)

    def read(self, listed: Sequence[Listed]) -> Sequence[Mail]:
        return self._reading.mails([one.ref for one in listed])

    def keys(self, listed: Sequence[Listed]) -> Mapping[Ref, str]:
        return self._reading.there([one.ref for one in listed])

    def locate(self, key: str, message_id: MessageId | None) -> Spot | None:  # noqa: ARG002 - the key alone is certain
        return self._reading.locate(key)

    def move(self, spot: Spot, to: Place) -> None:
        if spot.place is to:
            return

        def moved(_: str) -> None:
            body = {"destinationId": self._folders.id(to)}
            self._line.run(Ask(verb="POST", path=f"/messages/{quoted(spot.ref)}/move", body=body))

        try:
            self._folders.inside(to, moved)
        except Gone:
            # The folder is there, so it was the mail.
            return

    def mark(self, ref: Ref, marks: Marks) -> None:
        wanted = self._wanted(ref, marks)
        path = f"/messages/{quoted(ref)}"
        if not wanted:
            return
        verbs = graph_item.properties({graph_item.ANSWERED: graph_item.REPLIED})
        further = {"singleValueExtendedProperties": verbs} if marks.answered else {}
        accept = frozenset({BAD_REQUEST, NOT_FOUND})
        ask = Ask(verb="PATCH", path=path, body={**wanted, **further})
        answer = self._line.run(ask, accept=accept)
        if not answer.good and not answer.gone:
            # Nobody documents that the arrow of a mail program may be set from here.
            with suppress(Gone):
                self._line.run(replace(ask, body=wanted))

    def _wanted(self, ref: Ref, marks: Marks) -> dict[str, Any]:
        """The properties to set; none where the mail is gone or has nothing to be marked with."""
        wanted: dict[str, Any] = {"isRead": True} if marks.seen else {}
        if marks.answered:
            item = self._reading.item(ref, query({"$select": "categories"}))
            if item is None:
                return {}
            before = item.get("categories")
            kept = [str(one) for one in before] if isinstance(before, list) else []
            wanted["categories"] = list(dict.fromkeys((*kept, marks.category)))
        return wanted

    def kin(self, message: Message, limit: int) -> Sequence[tuple[Mail, Place]]:
        return self._reading.kin(message, limit)

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        return self._out.draft(reply, tags, original)

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        return self._out.tagged(place, tag, value)

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        self._out.send(ref, commit)

    def remove(self, refs: Sequence[Ref]) -> None:
        for ref in refs:
            self._out.remove(ref)

    def notes(self) -> Sequence[Note]:
        box, host, beat = (graph_item.tag_id(tag) for tag in (Tag.BOX, Tag.HOST, Tag.BEAT))
        return [
            Note(
                ref=Ref(one["id"]),
                box=graph_item.prop(one, box),
                host=graph_item.prop(one, host),
                beat=graph_item.prop(one, beat),
            )
            for one in self._out.carrying(Place.CLAIM, Tag.BOX, None, host, beat)
            if graph_item.prop(one, box)
        ]

    def leave_note(self, *, box: str, host: str, beat: str) -> None:
        tags = {Tag.BOX: box, Tag.HOST: host, Tag.BEAT: beat}
        body = {
            "subject": note_subject(host),
            "body": {"contentType": "text", "content": note_text(host)},
            "isRead": True,
            "singleValueExtendedProperties": graph_item.properties(
                {graph_item.tag_id(tag): value for tag, value in tags.items()}
            ),
        }
        self._folders.inside(
            Place.CLAIM,
            lambda path: self._line.run(
                Ask(verb="POST", path=f"/mailFolders/{path}/messages", body=body)
            ),
        )

    def wait(self, seconds: float) -> bool:
        end = self._clock.steady() + seconds
        while True:
            left = end - self._clock.steady()
            woken = self._alarm.wait(max(min(left, PEEK_SECONDS), 0.0))
            if woken:
                self._alarm.clear()
                return True
            if left <= PEEK_SECONDS:
                return False
            if self._line.gate.left <= 0 and self._sync.stirred():
                return True

    def wake(self) -> None:
        self._alarm.set()

    def close(self) -> None:
        self._line.close()
