"""How ``EwsStore`` waits: woken by the server, by us, or by nobody, and never for longer."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.domain.errors import MailboxUnreachable
from appliance.mailbox.exchange.stream import Bell
from appliance.mailbox.mailstore import Tag
from appliance.mailbox.places import Place
from tests.ews_desk import DESK, EwsDesk, ews_desk, waiting
from tests.raw_mail import raw_mail
from tests.servers.ews import EXCHANGE, GROMMUNIO, Fault, Personality
from tests.servers.ews_faults import How

BOTH = pytest.mark.parametrize("personality", [EXCHANGE, GROMMUNIO], ids=lambda one: one.name)
LONG = 30.0
"""Nobody waits so long where all is well."""


@pytest.fixture
def desk(tmp_path: Path, personality: Personality) -> Iterator[EwsDesk]:
    with ews_desk(tmp_path, personality) as opened:
        yield opened
    assert not listeners()


def listeners() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "exchange-stream"]


def until(met: Callable[[], bool]) -> None:
    """Look again and again until something has happened."""
    pause = threading.Event()
    for _ in range(round(LONG / 0.02)):
        if met():
            return
        pause.wait(0.02)
    raise AssertionError


def streams(desk: EwsDesk) -> int:
    return len(desk.asked("GetStreamingEvents"))


@BOTH
def test_a_wait_ends_when_mail_comes(desk: EwsDesk) -> None:
    store = desk.store()
    # It begins to listen, and nobody knows what came before: look.
    assert store.wait(LONG)
    until(lambda: streams(desk) == 1)
    assert not store.wait(0.01)
    desk.server.deliver(DESK, raw_mail(1))
    assert store.wait(LONG)
    assert len(waiting(store)) == 1


@BOTH
def test_a_stream_that_is_cut_is_made_anew_and_then_one_looks(desk: EwsDesk) -> None:
    store = desk.store()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 1)
    desk.server.drop_streams()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 2)
    desk.server.deliver(DESK, raw_mail(1))
    desk.server.pass_time(60.0)
    assert store.wait(LONG)


@BOTH
def test_a_server_that_is_away_for_a_while_is_listened_to_again(desk: EwsDesk) -> None:
    store = desk.store()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 1)
    desk.server.stop()
    assert not store.wait(0.2)
    desk.server.start()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 2)


@BOTH
def test_a_subscription_that_the_server_forgot_is_made_anew(desk: EwsDesk) -> None:
    store = desk.store()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 1)
    desk.server.pass_time(desk.server.personality.subscription_seconds + 1)
    code = "ErrorSubscriptionNotFound"
    desk.server.faults.plan(Fault(how="refuse", operation="Unsubscribe", code=code))
    desk.server.drop_streams()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 2)
    desk.server.deliver(DESK, raw_mail(1))
    assert store.wait(LONG)


def test_subscriptions_of_streams_that_ended_are_given_back(tmp_path: Path) -> None:
    with ews_desk(tmp_path, minute_seconds=0.005) as desk:
        store = desk.store()
        assert store.wait(LONG)
        until(lambda: streams(desk) >= 2)
        assert store.wait(LONG)
        assert len(desk.asked("Subscribe")) - len(desk.asked("Unsubscribe")) <= 1


@BOTH
@pytest.mark.parametrize("how", ["503", "drop", "broken", "busy", "refuse"])
def test_a_subscription_that_fails_costs_no_wait_more_than_its_time(
    desk: EwsDesk, how: How
) -> None:
    desk.server.faults.plan(Fault(how=how, operation="Subscribe", times=None))
    store = desk.store()
    assert not store.wait(0.3)
    assert waiting(store) == [] if how != "busy" else True
    assert streams(desk) == 0


@BOTH
def test_nobody_subscribes_while_the_server_wants_rest(desk: EwsDesk) -> None:
    store = desk.store()
    desk.server.faults.plan(Fault(how="busy", operation="FindItem", seconds=90))
    with pytest.raises(MailboxUnreachable):
        store.tagged(Place.DRAFTS, Tag.REPLY, "x")
    before = len(desk.asked())
    assert not store.wait(0.3)
    assert len(desk.asked()) == before


@BOTH
def test_others_ask_while_one_listens(desk: EwsDesk) -> None:
    store = desk.store()
    assert store.wait(LONG)
    until(lambda: streams(desk) == 1)
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(len(waiting(store)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert results == [0] * 6


@BOTH
def test_closing_ends_the_stream_and_waiting_opens_it_anew(desk: EwsDesk) -> None:
    store = desk.store(auth="ntlm")
    for number in (1, 2):
        assert store.wait(LONG)
        until(lambda number=number: streams(desk) == number)  # type: ignore[misc]
        store.close()
        until(lambda: not listeners())


def test_without_streaming_nothing_is_asked_by_waiting(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store(streaming=False)
        assert not store.wait(0.05)
        assert desk.asked() == []
        assert not listeners()


def test_a_wait_ends_when_somebody_wakes_it_now_or_before(tmp_path: Path) -> None:
    with ews_desk(tmp_path) as desk:
        store = desk.store(streaming=False)
        store.wake()
        store.wake()
        assert store.wait(LONG)
        assert not store.wait(0.0)
        entered = threading.Event()
        woken: list[bool] = []

        def sleep() -> None:
            entered.set()
            woken.append(store.wait(LONG))

        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        entered.wait()
        store.wake()
        sleeper.join(LONG)
        assert woken == [True]


def test_a_bell_rung_between_two_waits_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    assert bell.wait(LONG)
    assert not bell.wait(0.0)
    assert not bell.wait(-1.0)
