"""Faults by chance at every request, before and after the server executes it, over EWS and Graph."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Event

import pytest

from appliance.domain.errors import ApplianceError
from tests.daemon_process import DaemonProcess
from tests.store_site import KINDS, PATIENT, StoreSite, own_id, parent, store_site, unspoken

MAILS = 34
"""A kind; with three of them, a hundred."""

SEED = 20260402
PROBABILITY = {"Exchange": 0.1, "grommunio": 0.1, "Graph": 0.03}
"""Of a fault at each request; over Graph a mail takes more of them."""

FAULTS = 40
"""At least so many a kind."""

AT_A_TIME = 4
PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of the mails of one storm, by the Message-ID of the question."""

    jobs: Mapping[str, tuple[str, bool]]
    posted: Counter[str]
    copies: Counter[str]
    lying: Mapping[str, list[str]]
    needs_you: int
    faults: int
    reasons: tuple[str, ...]


class Storm:
    """A daemon in bad weather."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        self.random = Random(f"{SEED} {kind}")

    def ended(self) -> Ended:
        with store_site(self.kind, self.directory / self.kind) as site:
            daemon = site.daemon(
                automatic=True, measured=False, flow=PATIENT + "retry_max_seconds = 1.0\n"
            )
            daemon.start()
            site.weather(self.random, PROBABILITY[self.kind])
            self._deliver(site)
            daemon.until(lambda: len(daemon.jobs()) == MAILS and site.struck >= FAULTS, 180)
            daemon.until(lambda: decided(daemon), 180)
            site.fair()
            daemon.until(lambda: settled(site, daemon), 60)
            found = self._found(site, daemon)
            assert daemon.stop() == 0
            unspoken(daemon)
            return found

    def _deliver(self, site: StoreSite) -> None:
        never = Event()
        for number in range(MAILS):
            site.deliver(number)
            if number % AT_A_TIME == AT_A_TIME - 1:
                never.wait(PAUSE_SECONDS)

    def _found(self, site: StoreSite, daemon: DaemonProcess) -> Ended:
        shown = [{**job, **daemon.client.call("mail.show", id=job["id"])} for job in daemon.jobs()]
        return Ended(
            jobs={
                question(one["mail"]["subject"]): (one["state"], one["uncertain"]) for one in shown
            },
            posted=site.posted(),
            copies=Counter(parent(raw) for raw in site.lying("Sent")),
            lying={
                folder: sorted(own_id(raw) for raw in site.lying(folder))
                for folder in ("Inbox", "Drafts", "Outbox", "Handled", "Held")
            },
            needs_you=daemon.client.call("status")["needs_you"],
            faults=site.struck,
            reasons=tuple(str(one["reason"]) for one in shown if one["state"] != "sent"),
        )


def question(subject: str) -> str:
    return f"question-{subject.removeprefix('Question ')}@customers.example"


def decided(daemon: DaemonProcess) -> bool:
    """Nothing is on its way any more."""
    return set(daemon.states()) <= {"sent", "held", "parked"}


def settled(site: StoreSite, daemon: DaemonProcess) -> bool:
    try:
        troubles = {one["part"] for one in daemon.client.call("status")["troubles"]}
    except ApplianceError:
        return False
    quiet = not {"mail in desk", "filing desk"} & troubles
    return quiet and decided(daemon) and site.lying("Inbox") == []


@pytest.fixture(scope="module")
def storms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Ended]]]:
    directory = tmp_path_factory.mktemp("faults")
    with ThreadPoolExecutor(len(KINDS)) as pool:
        yield {kind: pool.submit(Storm(kind, directory).ended) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_mails_in_a_storm_of_faults_are_answered_once_or_in_front_of_a_person(
    storms: Mapping[str, Future[Ended]], kind: str
) -> None:
    ended = storms[kind].result()
    states = Counter(ended.jobs.values())
    told = f"{kind}: {ended.faults} faults, seed {SEED}: {dict(states)}, {ended.reasons}"
    print(f"\n{told}")  # noqa: T201
    assert ended.faults >= FAULTS, told
    assert set(ended.jobs) == {question(f"Question {number}") for number in range(MAILS)}, told
    assert states.keys() <= {("sent", False), ("held", True)}, told
    sent = {name for name, (state, _) in ended.jobs.items() if state == "sent"}
    doubted = set(ended.jobs) - sent
    assert {name for name in sent if ended.posted[name] != 1} == set(), told
    assert {name for name in doubted if ended.posted[name] > 1} == set(), told
    assert {name for name in sent if ended.copies[name] != 1} == set(), told
    assert ended.lying == {
        "Inbox": [],
        "Drafts": [],
        "Outbox": [],
        "Handled": sorted(sent),
        "Held": sorted(doubted),
    }, told
    assert ended.needs_you == len(doubted), told
    # Doubt is rare where the server's store tells what became of a mail.
    assert len(sent) >= MAILS * 2 / 3, told
