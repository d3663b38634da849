"""The daemon's parts as they are wired: who may do what, and when it counts as stuck."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.control.dispatch import Dispatch
from appliance.control.protocol import Caller, Role
from appliance.daemon import Daemon
from appliance.flow.switches import PAUSE
from tests.daemon_process import DaemonProcess

READING = {"status", "mail.list", "mail.show", "mail.why"}
DECIDING = {
    "mail.approve",
    "mail.undo",
    "mail.edit",
    "mail.reject",
    "mail.redo",
    "mail.retry",
    "mail.resolve",
    "pause",
    "resume",
    "stop-sending",
}
UUID = "00000000-0000-4000-8000-00000000000{number}"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Built and not started."""
    built = Daemon(DaemonProcess(tmp_path).config)
    yield built
    built._watch.close()
    built._floor.store.close()


def answer(daemon: Daemon, verb: str, *roles: Role, number: int = 1) -> dict[str, Any]:
    """What a caller who has these roles is answered."""
    who = Caller(uid=4711, gid=4711, pid=1, name="lin", roles=frozenset(roles))
    request = {"id": UUID.format(number=number), "verb": verb, "arguments": {"id": 99}}
    dispatch = Dispatch(handlers=daemon._handlers(), answers=daemon._floor.store)
    return dict(json.loads(dispatch.answer(who, json.dumps(request).encode())))


def test_the_socket_offers_these_verbs_and_no_other(daemon: Daemon) -> None:
    assert set(daemon._handlers()) == READING | DECIDING


@pytest.mark.parametrize("verb", sorted(READING | DECIDING))
def test_who_is_in_no_group_may_do_nothing(daemon: Daemon, verb: str) -> None:
    assert answer(daemon, verb)["error"]["kind"] == "NotAllowed"


@pytest.mark.parametrize("verb", sorted(DECIDING))
def test_who_may_only_look_changes_nothing(daemon: Daemon, verb: str) -> None:
    refused = answer(daemon, verb, Role.VIEW)
    assert refused["error"]["kind"] == "NotAllowed"
    assert "appliance-review" in refused["error"]["message"]
    assert not daemon._floor.switches.active()


def test_who_reviews_does_so_under_their_own_name(daemon: Daemon) -> None:
    assert answer(daemon, "status", Role.VIEW)["ok"]
    assert answer(daemon, "pause", Role.VIEW, Role.REVIEW)["ok"]
    (switch,) = daemon._floor.switches.active()
    assert (switch.name, switch.who) == (PAUSE, "lin")
    absent = answer(daemon, "mail.approve", Role.VIEW, Role.REVIEW, number=2)
    assert absent["error"]["kind"] == "NotFound"


def test_a_thread_that_does_not_turn_any_more_is_noticed(daemon: Daemon) -> None:
    assert daemon._progresses()
    now = daemon._clock.steady()
    daemon._clerk.beat = now - 300
    assert not daemon._progresses()


def test_reading_a_model_file_may_take_minutes_and_a_turn_may_not(daemon: Daemon) -> None:
    daemon._drafter.beat = daemon._clock.steady() - 300
    assert daemon._progresses()
    assert daemon._drafter._loaded()
    assert not daemon._progresses()
    assert daemon._drafter.engine is not None
    daemon._drafter.engine.close(timedelta())
