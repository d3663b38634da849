"""A floor for flow tests: the in-memory store, a mailbox and a knowledge folder made of values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from appliance.config.settings import Caps, FlowSettings, MailboxSettings, Office
from appliance.domain.draft import Draft, Evidence, Passage, Reply
from appliance.domain.job import Job, JobId
from appliance.domain.mail import Address, Batch, Cursor, Message, Thread
from appliance.domain.verdict import Disposition
from appliance.flow.desk import Desk, Desks
from appliance.flow.floor import Floor
from appliance.flow.health import Health
from appliance.flow.runner import Runner
from appliance.flow.switches import Switches
from tests import factories
from tests.fakes import FakeClock, MemoryJobStore

HOURS = Passage(source="hours.md#Saturday", text="We are open on Saturday from 9:00 to 13:00.")


@dataclass(slots=True)
class FakeMailbox:
    """A mailbox of values; ``trouble`` holds what the next call of a method raises."""

    name: str = "north"
    inbox: list[Message] = field(default_factory=list)
    sent: list[Reply] = field(default_factory=list)
    drafts: list[Reply] = field(default_factory=list)
    sent_outside: list[Message] = field(default_factory=list)
    answered: dict[str, Reply] = field(default_factory=dict)
    places: dict[str, Disposition] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()
    trouble: dict[str, list[Exception]] = field(default_factory=dict)
    before_commit: Callable[[], object] = lambda: None
    after_commit: Exception | None = None
    evidence: Evidence = Evidence.NOT_SENT

    def _fail(self, method: str) -> None:
        if self.trouble.get(method):
            raise self.trouble[method].pop(0)

    def fetch(self, since: Cursor | None, limit: int) -> Batch:
        self._fail("fetch")
        begin = int(since or 0)
        taken = tuple(self.inbox[begin : begin + limit])
        unreadable = self.unreadable if begin == 0 else ()
        return Batch(messages=taken, cursor=Cursor(str(begin + len(taken))), unreadable=unreadable)

    def fetch_sent(self, since: Cursor | None, limit: int) -> Batch:
        """As for ``fetch``; the cursor is the number of mails seen."""
        self._fail("fetch_sent")
        seen = int(since) if since else 0
        new = tuple(self.sent_outside[seen : seen + limit])
        return Batch(messages=new, cursor=Cursor(str(seen + len(new))) if new else since)

    def close(self) -> None:
        pass

    def wait(self, timeout: timedelta) -> bool:
        self._fail("wait")
        return False

    def wake(self) -> None:
        pass

    def thread(self, message: Message) -> Thread:
        self._fail("thread")
        return Thread(messages=(message,))

    def save_draft(self, reply: Reply) -> None:
        self._fail("save_draft")
        self.drafts.append(reply)

    def withdraw_drafts(self, message: Message) -> None:
        self.drafts = [reply for reply in self.drafts if reply.original != message.uid]

    def send(self, reply: Reply, commit: Callable[[], None]) -> None:
        self._fail("send")
        self.before_commit()
        commit()
        if self.after_commit is not None:
            raise self.after_commit
        self.sent.append(reply)

    def find_sent(self, reply: Reply) -> Evidence:
        self._fail("find_sent")
        return Evidence.SENT if reply in self.sent else self.evidence

    def file(self, message: Message, disposition: Disposition, reply: Reply | None = None) -> None:
        self._fail("file")
        self.places[message.uid] = disposition
        if reply is not None:
            self.answered[message.uid] = reply


@dataclass(slots=True)
class FakeKnowledge:
    """Always the same passage."""

    version: str = "k1"
    problems: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = (HOURS,)

    def search(self, question: str, limit: int) -> Sequence[Passage]:
        return self.passages[:limit]

    def refresh(self) -> bool:
        return False


def office(**changes: Any) -> Office:
    values: dict[str, Any] = {
        "name": "Northgate",
        "addresses": (Address(factories.OFFICE),),
        "authserv_id": "mx.northgate.example",
        "signature": "Northgate",
        "caps": Caps(per_thread=5, per_sender_per_day=50, per_hour=100),
    }
    return Office(**(values | changes))


@dataclass(slots=True)
class Hall:
    """A floor together with what a test looks at and turns."""

    floor: Floor
    clock: FakeClock
    store: MemoryJobStore
    mailbox: FakeMailbox

    def take(self, message: Message) -> Job:
        """A mail the store did not know."""
        job = self.store.enqueue(message)
        assert job is not None
        return self.store.get(job)

    def reply_of(self, job: JobId) -> Reply:
        """What is to be sent."""
        reply = self.store.get(job).reply
        assert reply is not None
        return reply

    def draft_of(self, job: JobId) -> Draft:
        """The newest version."""
        draft = self.store.get(job).draft
        assert draft is not None
        return draft


def hall(directory: Path, *, flow: FlowSettings | None = None, **changes: Any) -> Hall:
    """A floor with one desk; ``changes`` are the office's. ``directory`` takes the switches."""
    clock = FakeClock()
    store = MemoryJobStore(clock)
    mailbox = FakeMailbox()
    desk = Desk(
        settings=MailboxSettings(name="north", office=Path("office"), path=Path("mail")),
        office=office(**changes),
        mailbox=mailbox,
        knowledge=FakeKnowledge(),
    )
    floor = Floor(
        store=store,
        desks=Desks((desk,)),
        runner=Runner(store=store, clock=clock, settings=flow or FlowSettings()),
        switches=Switches(directory / "overrides.toml", clock, lambda: None),
        health=Health(clock),
        clock=clock,
    )
    return Hall(floor=floor, clock=clock, store=store, mailbox=mailbox)


def trusted(uid: str = "1", **changes: Any) -> Message:
    """A question in which no rule of the screen finds anything."""
    sender = f"ida{uid}@customers.example"
    text = changes.pop("text", "Hello,\n\nwhat are your opening hours on Saturday?")
    headers = (
        ("return-path", f"<{sender}>"),
        (
            "authentication-results",
            "mx.northgate.example; dmarc=pass header.from=customers.example",
        ),
        ("from", f"Ida <{sender}>"),
    )
    values: dict[str, Any] = {
        "sender": factories.correspondent(sender, "Ida"),
        "headers": headers,
        "subject": "Opening hours",
        "text": text,
    }
    return factories.message(uid, **(values | changes))
