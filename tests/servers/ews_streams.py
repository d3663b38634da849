"""Streaming notifications of the EWS server: subscriptions, and documents in chunks."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.servers.ews_call import Call
from tests.servers.ews_store import Event, Folder, Store
from tests.servers.ews_xml import (
    Refusal,
    answer,
    children,
    escape,
    refused,
    success,
    text_in,
    truth,
)

LONGEST_MINUTES = 30
TICK_SECONDS = 0.25
"""So often a stream looks whether its client or its server is gone."""


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """``folders`` None: all of the mailbox. ``position``: of the next event to tell."""

    id: str
    user: str
    mailbox: str
    folders: frozenset[str] | None
    kinds: frozenset[str]
    position: int
    used: float
    streams: int = 0
    connections: int = 0

    def hears(self, event: Event) -> bool:
        if f"{event.kind}Event" not in self.kinds or event.folder.mailbox != self.mailbox:
            return False
        around = {event.folder.id, event.old_folder.id if event.old_folder else ""}
        return self.folders is None or bool(around & self.folders)


@dataclass(slots=True, kw_only=True, eq=False)
class Streams:
    """The subscriptions of the server. ``minute_seconds`` long is a minute of ConnectionTimeout."""

    store: Store
    minute_seconds: float = 60.0
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    generation: int = 0

    def drop(self) -> None:
        """Cut all streams that are open now."""
        with self.store.lock:
            self.generation += 1
            self.store.heard.notify_all()

    def subscribe(self, call: Call) -> str:
        request = next(iter(call.request), None)
        if request is None or not request.tag.endswith("StreamingSubscriptionRequest"):
            raise Refusal("ErrorInvalidSubscriptionRequest", "Only streams are offered here.")
        everything = truth(request.get("SubscribeToAllFolders", "false"))
        folders = [call.folder(each) for each in children(request, "FolderIds")]
        with self.store.lock:
            made = Subscription(
                id=secrets.token_urlsafe(18),
                user=call.caller.user,
                mailbox=folders[0].mailbox if folders else call.caller.home,
                folders=None if everything else frozenset(each.id for each in folders),
                kinds=frozenset(each.text or "" for each in children(request, "EventTypes")),
                position=len(self.store.events),
                used=self.store.steady(),
            )
            self.subscriptions[made.id] = made
        inner = f"<m:SubscriptionId>{made.id}</m:SubscriptionId>"
        return answer("Subscribe", [success("Subscribe", inner)])

    def unsubscribe(self, call: Call) -> str:
        with self.store.lock:
            key = text_in(call.request, "SubscriptionId")
            self._forget_unused(call.personality.subscription_seconds)
            if self.subscriptions.pop(key, None) is None:
                raise Refusal("ErrorSubscriptionNotFound", "The subscription was not found.")
        return answer("Unsubscribe", [success("Unsubscribe")])

    def _forget_unused(self, seconds: float) -> None:
        now = self.store.steady()
        for key, each in list(self.subscriptions.items()):
            if not each.streams and now - each.used > seconds:
                del self.subscriptions[key]

    def get_streaming_events(self, call: Call, gone: Callable[[], bool]) -> Iterator[str]:
        """The bodies of the documents of a stream, one after the other, as they become due.

        Ends without a document of farewell where ``drop`` was called or ``gone`` says so.
        """
        keys = [each.text or "" for each in children(call.request, "SubscriptionIds")]
        minutes = int(text_in(call.request, "ConnectionTimeout") or 0)
        if not 1 <= minutes <= LONGEST_MINUTES:
            raise Refusal("ErrorInvalidRequest", "A connection lasts 1 to 30 minutes.")
        with self.store.lock:
            self._forget_unused(call.personality.subscription_seconds)
            lost = [key for key in keys if not self._known(key, call.caller.user)]
            subscriptions = [self.subscriptions[key] for key in keys if key not in lost]
        if lost:
            yield _lost(lost, call.personality.lost_subscription)
            return
        stream = _Stream(self, call, subscriptions, minutes * self.minute_seconds)
        try:
            yield from stream.documents(gone)
        finally:
            stream.end()

    def _known(self, key: str, user: str) -> bool:
        found = self.subscriptions.get(key)
        return found is not None and found.user == user


class _Stream:
    """One open connection."""

    def __init__(
        self, streams: Streams, call: Call, subscriptions: list[Subscription], seconds: float
    ) -> None:
        self._streams, self._store = streams, streams.store
        self._personality = call.personality
        self._subscriptions = subscriptions
        with self._store.lock:
            self._generation = streams.generation
            now = self._store.steady()
            self._end = now + seconds
            self._heartbeat = now + self._personality.heartbeat_seconds
            again = any(each.connections for each in subscriptions)
            self._held_until = (
                self._heartbeat if again and self._personality.holds_after_reconnect else now
            )
            for each in subscriptions:
                if each.connections and self._personality.loses_between:
                    each.position = len(self._store.events)
                each.streams += 1
                each.connections += 1

    def end(self) -> None:
        with self._store.lock:
            for each in self._subscriptions:
                each.streams -= 1
                each.used = self._store.steady()

    def documents(self, gone: Callable[[], bool]) -> Iterator[str]:
        yield _connection("OK")
        while not gone():
            with self._store.heard:
                if self._streams.generation != self._generation:
                    return
                due, closing = self._due()
                if not due and not closing:
                    self._store.heard.wait(TICK_SECONDS)
                    continue
            yield from due
            if closing:
                yield _connection("Closed")
                return

    def _due(self) -> tuple[list[str], bool]:
        """The documents that are due now, and whether the stream's time is over."""
        now = self._store.steady()
        due = []
        if now >= self._heartbeat:
            self._heartbeat = now + self._personality.heartbeat_seconds
            due.append(_connection("OK"))
        if now >= self._held_until:
            due += [
                document
                for each in self._subscriptions
                if (document := self._notification(each, now))
            ]
        return due, now >= self._end

    def _notification(self, subscription: Subscription, now: float) -> str:
        events = []
        position = subscription.position
        while position < len(self._store.events):
            event = self._store.events[position]
            if event.at + self._personality.event_delay_seconds > now:
                break
            position += 1
            if subscription.hears(event):
                events.append(event)
        subscription.position = position
        if not events:
            return ""
        if self._personality.item_events:
            xml = "".join(map(self._event, events))
        else:
            xml = "".join(map(self._hint, {event.folder.id: event for event in events}.values()))
        return _message(
            "<m:Notifications><m:Notification>"
            f"<t:SubscriptionId>{subscription.id}</t:SubscriptionId>{xml}"
            "</m:Notification></m:Notifications>"
        )

    def _event(self, event: Event) -> str:
        parts = [f"<t:Watermark>{secrets.token_urlsafe(9)}</t:Watermark>", _stamp(self._store)]
        parts.append(f'<t:ItemId Id="{event.item_id}" ChangeKey="{event.change_key}"/>')
        parts.append(_parent(event.folder))
        if event.old_folder is not None:
            parts.append(f'<t:OldItemId Id="{event.old_item_id}" ChangeKey="{event.change_key}"/>')
            parts.append(f'<t:OldParentFolderId Id="{event.old_folder.id}"/>')
        return f"<t:{event.kind}Event>{''.join(parts)}</t:{event.kind}Event>"

    def _hint(self, event: Event) -> str:
        """That something about a folder changed, and not what."""
        folder = event.folder
        return (
            f"<t:ModifiedEvent><t:Watermark>{secrets.token_urlsafe(9)}</t:Watermark>"
            f'{_stamp(self._store)}<t:FolderId Id="{folder.id}" ChangeKey="AQAAABYA"/>'
            f"{_parent(folder.parent or folder)}</t:ModifiedEvent>"
        )


def _parent(folder: Folder) -> str:
    return f'<t:ParentFolderId Id="{folder.id}" ChangeKey="AQAAABYA"/>'


def _stamp(store: Store) -> str:
    return f"<t:TimeStamp>{store.now().strftime('%Y-%m-%dT%H:%M:%SZ')}</t:TimeStamp>"


def _message(inner: str) -> str:
    return answer("GetStreamingEvents", [success("GetStreamingEvents", inner)])


def _connection(status: str) -> str:
    return _message(f"<m:ConnectionStatus>{status}</m:ConnectionStatus>")


def _lost(keys: list[str], code: str) -> str:
    ids = "".join(f"<m:SubscriptionId>{escape(key)}</m:SubscriptionId>" for key in keys)
    error = Refusal(code, "The subscription was not found.")
    inner = (
        f"<m:ErrorSubscriptionIds>{ids}</m:ErrorSubscriptionIds>"
        "<m:ConnectionStatus>Closed</m:ConnectionStatus>"
    )
    return answer("GetStreamingEvents", [refused("GetStreamingEvents", error, inner)])
