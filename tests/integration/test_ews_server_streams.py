"""Streaming notifications of the loopback EWS server, with the habits of both personalities."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from exchangelib.errors import ErrorInvalidSubscription, ErrorSubscriptionNotFound
from exchangelib.services import GetStreamingEvents

from tests.servers.ews import EXCHANGE, GROMMUNIO, EwsServer, Personality
from tests.servers.ews_client import BOX, Site, mail, together

KINDS = ["NewMailEvent", "CreatedEvent", "MovedEvent", "ModifiedEvent"]
QUICK = replace(GROMMUNIO, event_delay_seconds=0.0)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path, monkeypatch)
    yield site
    site.close()


class Listening:
    """A stream in a thread of its own, and what it heard."""

    def __init__(self, server: EwsServer, account: Any, subscription: str) -> None:
        self.heard: list[Any] = []
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        open_before = server.streams.subscriptions[subscription].connections
        self._thread = threading.Thread(target=self._run, args=(account, subscription), daemon=True)
        self._thread.start()
        self._until(
            server, lambda: server.streams.subscriptions[subscription].connections > open_before
        )

    @staticmethod
    def _until(server: EwsServer, test: Any) -> None:
        ended = threading.Event()
        for _ in range(600):
            with server.store.lock:
                if test():
                    return
            ended.wait(0.05)
        raise AssertionError("The stream never opened.")

    def _run(self, account: Any, subscription: str) -> None:
        service = GetStreamingEvents(account=account)
        try:
            for notification in service.call([subscription], connection_timeout=1):
                with self._changed:
                    self.heard += notification.events
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def wait(self, number: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= number, 60)
            return list(self.heard)

    def end(self) -> BaseException | None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.error


def named(events: list[Any]) -> list[tuple[str, str]]:
    return [(event.ELEMENT_NAME, event.event_type) for event in events]


@pytest.mark.parametrize(
    "personality",
    [EXCHANGE, QUICK, replace(EXCHANGE, item_events=False, name="hints")],
    ids=lambda each: each.name,
)
def test_new_mail_is_announced_by_item_or_by_folder(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    subscription = account.inbox.subscribe_to_streaming(KINDS)
    stream = Listening(server, account, subscription)
    mail_id = server.deliver(BOX, mail(1))
    if personality.item_events:
        events = stream.wait(2)
        assert named(events) == [("CreatedEvent", "item"), ("NewMailEvent", "item")]
        assert {event.item_id.id for event in events} == {mail_id}
        moved = server.move(mail_id, "Junk")
        last = stream.wait(3)[2]
        assert (last.old_item_id.id, last.item_id.id) == (mail_id, moved)
    server.deliver(BOX, mail(2), folder="Drafts")
    if not personality.item_events:
        [event] = stream.wait(1)
        assert (event.ELEMENT_NAME, event.event_type) == ("ModifiedEvent", "folder")
        assert event.folder_id.id == account.inbox.id


def test_an_announcement_comes_late_where_the_server_is_lazy(site: Site) -> None:
    server = site.server(
        replace(EXCHANGE, event_delay_seconds=1000.0, heartbeat_seconds=1e9), minute_seconds=1e9
    )
    account = site.account(server)
    subscription = account.inbox.subscribe_to_streaming(KINDS)
    stream = Listening(server, account, subscription)
    server.deliver(BOX, mail(1))
    server.pass_time(900)
    assert stream.heard == []
    server.pass_time(200)
    assert len(stream.wait(2)) == 2


@pytest.mark.parametrize("personality", [EXCHANGE, QUICK], ids=lambda each: each.name)
def test_a_cut_stream_is_noticed_and_what_comes_between_is_lost_or_held(
    site: Site, personality: Personality
) -> None:
    server = site.server(replace(personality, heartbeat_seconds=1000.0), minute_seconds=1e9)
    account = site.account(server)
    subscription = account.inbox.subscribe_to_streaming(KINDS)
    stream = Listening(server, account, subscription)
    server.drop_streams()
    assert isinstance(stream.end(), requests.exceptions.ChunkedEncodingError)
    between = server.deliver(BOX, mail(1))
    again = Listening(server, account, subscription)
    later = server.deliver(BOX, mail(2))
    if personality.loses_between:
        assert {event.item_id.id for event in again.wait(2)} == {later}
        assert between != later
        return
    server.pass_time(990)
    assert again.heard == []
    server.pass_time(20)
    assert named(again.wait(1)) == [("ModifiedEvent", "folder")]


def test_a_stream_closes_when_its_minutes_are_over(site: Site) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server)
    stream = Listening(server, account, account.inbox.subscribe_to_streaming(KINDS))
    server.pass_time(61)
    assert stream.end() is None


@pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda each: each.name)
def test_a_subscription_that_nobody_uses_is_forgotten(site: Site, personality: Personality) -> None:
    server = site.server(personality)
    account = site.account(server)
    kept = account.inbox.subscribe_to_streaming(KINDS)
    server.pass_time(personality.subscription_seconds - 60)
    account.inbox.unsubscribe(kept)
    lost = account.inbox.subscribe_to_streaming(KINDS)
    server.pass_time(personality.subscription_seconds + 1)
    code = {
        "ErrorSubscriptionNotFound": ErrorSubscriptionNotFound,
        "ErrorInvalidSubscription": ErrorInvalidSubscription,
    }
    with pytest.raises(code[personality.lost_subscription]):
        list(account.inbox.get_streaming_events(lost, connection_timeout=1))
    with pytest.raises(ErrorSubscriptionNotFound):
        account.inbox.unsubscribe(lost)


def test_asking_goes_on_while_a_stream_is_open(site: Site) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server)
    stream = Listening(server, account, account.inbox.subscribe_to_streaming(KINDS))
    server.deliver(BOX, mail(1))
    assert together(lambda: account.inbox.all().count()) == [1]
    stream.wait(2)


def test_a_server_that_stops_cuts_its_streams(site: Site) -> None:
    server = site.server(EXCHANGE)
    account = site.account(server)
    stream = Listening(server, account, account.inbox.subscribe_to_streaming(KINDS))
    server.stop()
    assert isinstance(stream.end(), requests.exceptions.RequestException)
