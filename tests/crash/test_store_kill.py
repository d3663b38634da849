"""kill -9 at every point of sending over EWS and Graph: one mail each, or a person is asked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.kill_store_at import POINTS
from tests.daemon_process import DaemonProcess
from tests.store_site import KINDS, StoreSite, parent, store_site, unspoken

MAILS = 2
AT_ONCE = 6
DOUBTED = {("grommunio", "committed")}
"""Where a draft that still lies there may yet be on its way, only a person can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the mails of one run; ``jobs`` by state, with whether it is uncertain."""

    posted: Counter[str]
    copies: Counter[str]
    jobs: Counter[tuple[str, bool]]
    lying: Mapping[str, int]
    needs_you: int


def question(number: int) -> str:
    return f"question-{number}@customers.example"


ONCE = Counter({question(number): 1 for number in range(MAILS)})


def outcome(directory: Path, kind: str, point: str) -> Outcome:
    """Kill a daemon at the point, start it again, and wait until everything has settled."""
    with store_site(kind, directory / f"{kind}-{point}") as site:
        marker = site.directory / "killed"
        daemon = site.daemon(
            automatic=True,
            measured=False,
            command=("-m", "tests.crash.kill_store_at", point, str(marker)),
        )
        site.deliver(*range(MAILS))
        daemon.start(wait=False)
        daemon.until(daemon.ended)
        assert marker.exists(), daemon.log.read_text()[-3000:]
        daemon.start()
        daemon.until(lambda: settled(site, daemon))
        found = Outcome(
            posted=site.posted(),
            copies=Counter(parent(raw) for raw in site.lying("Sent")),
            jobs=Counter(
                (job["state"], daemon.client.call("mail.show", id=job["id"])["uncertain"])
                for job in daemon.jobs()
            ),
            lying={
                folder: len(site.lying(folder))
                for folder in ("Inbox", "Drafts", "Outbox", "Handled", "Held")
            },
            needs_you=daemon.client.call("status")["needs_you"],
        )
        assert daemon.stop() == 0
        unspoken(daemon)
        return found


def settled(site: StoreSite, daemon: DaemonProcess) -> bool:
    states = daemon.states()
    return len(states) == MAILS and set(states) <= {"sent", "held"} and site.lying("Inbox") == []


Outcomes = Mapping[tuple[str, str], Future[Outcome]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """All runs, some at once: most of their time is waiting."""
    directory = tmp_path_factory.mktemp("kill")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        yield {
            (kind, point): pool.submit(outcome, directory, kind, point)
            for kind in KINDS
            for point in POINTS
        }


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_while_sending_never_makes_two_mails_and_loses_none(
    outcomes: Outcomes, kind: str, point: str
) -> None:
    found = outcomes[kind, point].result()
    doubted = (kind, point) in DOUBTED
    sent = MAILS - doubted
    expected = Counter({("sent", False): sent})
    if doubted:
        expected["held", True] = 1
    assert found.jobs == expected
    assert found.posted == found.copies
    assert found.posted.total() == sent
    assert found.posted <= ONCE
    assert found.lying == {
        "Inbox": 0,
        "Drafts": 0,
        "Outbox": 0,
        "Handled": sent,
        "Held": MAILS - sent,
    }
    assert found.needs_you == MAILS - sent
