"""Two appliances with mailboxes on one server, by EWS or Graph, that write to each other."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from fnmatch import fnmatch
from pathlib import Path

from tests.daemon_process import DaemonProcess
from tests.integration.test_imap_loops import (
    MARKS,
    OVER,
    THREADS,
    chatty,
    held_for,
    proven,
    write_office,
)
from tests.raw_mail import raw_mail
from tests.servers.ews_item import Item
from tests.store_desk import together
from tests.store_site import DESK, KINDS, SHOP, StoreSite, store_site, unspoken

PAIR = (DESK, SHOP)


@dataclass(kw_only=True)
class Post:
    """The way between the two mailboxes.

    Attributes:
        site: the server that they are on.
        strip: patterns of the names of headers that get lost on the way.
        vouched: the receiving server says who wrote it and keeps the return path.
        carry: what leaves arrives; else it waits for ``carry_on``.
    """

    site: StoreSite
    strip: tuple[str, ...] = ()
    vouched: bool = True
    carry: bool = True
    waiting: list[tuple[str, bytes]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def take_over(self) -> None:
        """Stand in for the server's own delivery of what its mailboxes send."""
        if self.site.graph is not None:
            self.site.graph.departures._arrive = self._arrive
            return
        assert self.site.ews is not None
        self.site.ews.store.post = self._post  # type: ignore[method-assign]

    def _post(self, item: Item, raw: bytes) -> None:
        for box in (*item.to, *item.cc, *item.bcc):
            self._arrive(box.address.lower(), raw)

    def _arrive(self, address: str, raw: bytes) -> None:
        self.left.append(address)
        if self.carry:
            self.deliver(address, raw)
        else:
            self.waiting.append((address, raw))

    def carry_on(self) -> None:
        """What waits arrives."""
        waiting, self.waiting = self.waiting, []
        for address, raw in waiting:
            self.deliver(address, raw)

    def deliver(self, address: str, raw: bytes) -> None:
        raw = stripped(raw, self.strip)
        if self.vouched:
            (author,) = re.findall(r"[^<>\s]+@[^<>\s]+", str(message_from_bytes(raw)["From"]))
            back = f"Return-Path: <{author}>\r\n".encode()
            raw = back + proven(raw, author.rpartition("@")[2])
        self.site.server.deliver(address, raw)

    @property
    def sent(self) -> tuple[int, int]:
        """How many answers the desk and the shop have sent."""
        return self.left.count(SHOP), self.left.count(DESK)


def stripped(raw: bytes, patterns: tuple[str, ...]) -> bytes:
    """Without the headers of these names."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    names = [one.partition(b":")[0].decode("latin-1").lower() for one in fields]
    lost = [any(fnmatch(name, each.lower()) for each in patterns) for name in names]
    return b"\r\n".join(one for one, is_lost in zip(fields, lost, strict=True) if not is_lost) + (
        gap + body
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two appliances and the post between them."""

    post: Post
    daemons: tuple[DaemonProcess, DaemonProcess]

    @property
    def sent(self) -> tuple[int, int]:
        return self.post.sent

    def restart(self) -> None:
        for daemon in self.daemons:
            assert daemon.stop() == 0
        for daemon in self.daemons:
            daemon.start()

    def settle(self) -> None:
        """Until both are done with every mail, and stay so."""
        self.daemons[0].until(lambda: held_for(1.0, self._done))

    def _done(self) -> bool:
        jobs = [daemon.states() for daemon in self.daemons]
        return set().union(*jobs) <= OVER and sum(self.sent) == sum(map(len, jobs)) - 1


@contextmanager
def pair(kind: str, directory: Path, *, slow: bool = False, **post: object) -> Iterator[Pair]:
    """Two automatic appliances; a person of the shop has just written to the desk.

    ``slow``: each takes the other's answers for a person's by their time; ``post`` as ``Post``.
    """
    with store_site(kind, directory / kind) as site:
        site.open_shop()
        way = Post(site=site, **post)  # type: ignore[arg-type]
        way.take_over()
        daemons = tuple(
            site.daemon(name, address=address, command=chatty(quick_answers_pass=slow))
            for name, address in zip(("desk", "shop"), PAIR, strict=True)
        )
        for daemon, address in zip(daemons, PAIR, strict=True):
            write_office(daemon, address, more="disclose = false\n")
            daemon.start()
        question = raw_mail(1).replace(b"customer1@customers.example", SHOP.encode())
        question = question.replace(b"customers.example", b"other.example")
        question = stripped(question, ("Return-Path", "Authentication-Results"))
        person_sends(site, question)
        Post(site=site).deliver(DESK, question)
        yield Pair(post=way, daemons=(daemons[0], daemons[1]))
        for daemon in daemons:
            assert daemon.stop() == 0
            unspoken(daemon)


def person_sends(site: StoreSite, raw: bytes) -> None:
    """It lies in the sent mail of the shop."""
    if site.graph is not None:
        site.graph.person_sends(SHOP, raw)
    else:
        assert site.ews is not None
        site.ews.person_sends(SHOP, raw)


def in_pairs(
    directory: Path,
    act: Callable[[Pair], None],
    *,
    kinds: Iterable[str] = KINDS,
    **options: object,
) -> None:
    """Do it with a pair on a server of each kind."""

    def acted(kind: str) -> None:
        with pair(kind, directory, **options) as both:  # type: ignore[arg-type]
            act(both)

    together(kinds, acted)


def settled(both: Pair) -> tuple[int, int]:
    """What each has sent in the end."""
    both.daemons[0].until(lambda: both.sent[0] >= 1)
    both.settle()
    return both.sent


def test_an_answer_is_known_by_the_marks_that_its_server_keeps(tmp_path: Path) -> None:
    def once(both: Pair) -> None:
        graph = both.post.site.graph
        if graph is not None:
            # Nobody documents that the JSON of Graph may set this one.
            graph.departures.named_headers = False
        assert settled(both) == (1, 0)
        (raw,) = both.post.site.server.lying(SHOP, "Skipped")
        answer = message_from_bytes(raw)
        assert answer["Auto-Submitted"] == ("auto-replied" if graph is None else None)
        assert answer["X-Mail-Appliance"] == "desk"

    in_pairs(tmp_path, once, slow=True)


def test_without_marks_each_answers_once_at_most_through_restarts(tmp_path: Path) -> None:
    def once(both: Pair) -> None:
        for number in (0, 1):
            both.daemons[number].until(lambda number=number: both.sent[number] == 1)  # type: ignore[misc]
            both.restart()
            both.post.carry_on()
        both.settle()
        assert both.sent == (1, 1)

    in_pairs(tmp_path, once, slow=True, strip=MARKS, carry=False)


def test_without_marks_and_threads_they_stop_at_the_cap_for_a_sender(tmp_path: Path) -> None:
    def capped(both: Pair) -> None:
        assert max(settled(both)) <= 3
        print(f"\n{both.post.site.kind}: {both.sent} answers before the caps")  # noqa: T201
        assert sum(both.sent) >= 2

    in_pairs(tmp_path, capped, slow=True, strip=MARKS + THREADS)


def test_mail_that_nobody_vouches_for_is_answered_by_no_machine(tmp_path: Path) -> None:
    """As the server delivers by itself."""

    def once(both: Pair) -> None:
        assert settled(both) == (1, 0)
        assert both.daemons[1].states() == ["drafted"]

    kinds = ("Exchange", "Graph")
    in_pairs(tmp_path, once, kinds=kinds, slow=True, strip=MARKS, vouched=False)
