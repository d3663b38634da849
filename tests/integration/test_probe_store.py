"""What trying out a mailbox at Exchange or Graph tells, over a store in memory and a real socket."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.config.accounts import (
    ExchangeSettings,
    GraphSettings,
    ImapSettings,
    SmtpSettings,
)
from appliance.config.accounts import SignIn as SignInSettings
from appliance.config.secrets import Secret, Secrets
from appliance.config.settings import MailboxSettings, Office
from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyRefused,
)
from appliance.domain.mail import Address
from appliance.mailbox import probe_send
from appliance.mailbox.identity import BOX_FILE
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place
from appliance.mailbox.probe import AccountProbe
from appliance.mailbox.probe_server import endpoint, ews_address
from appliance.mailbox.probe_store import StoreProbe
from appliance.mailbox.probe_wish import Wish
from appliance.mailbox.probes import Probe, authserv_id
from appliance.mailbox.signin import PasswordSignIn, SignIn
from tests.fakes import FakeClock
from tests.memory_mailstore import MemoryStore
from tests.servers.dovecot import free_port

DESK = "desk@northgate.example"
OTHER = "board@northgate.example"


class HurryingClock(FakeClock):
    """Each look at it is five seconds later, so that patience ends without anybody waiting."""

    def steady(self) -> float:
        self.advance(timedelta(seconds=5))
        return super().steady()


class Site(MemoryStore):
    """A server whose mail to itself comes back, and which knows one way of sending."""

    def __init__(self) -> None:
        super().__init__()
        self.honours = {"send_item", "update_item"}
        self.way = "send_item"
        self.vouches = b"Authentication-Results: mx.northgate.example; spf=pass\r\n"
        self.renames = False
        self.strips = False
        self.loses = False
        self.arrives = Place.INBOX
        self.refusal: ApplianceError | None = None
        self.unmarked = False
        self.sent: list[str] = []

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        if self.refusal is not None:
            raise self.refusal
        raw = self.items[ref].raw
        self.sent.append(self.way)
        if not self.loses:
            came = self.vouches + raw
            if self.renames:
                came = came.replace(b"Message-ID: <", b"Message-ID: <other.")
            if self.strips:
                came = came.replace(b"Auto-Submitted:", b"X-Stripped:")
            self.deliver(came, self.arrives)
        if self.way in self.honours:
            super().send(ref, commit)
            return
        commit()
        # As grommunio answers SendItem: it is sent, and stays in Drafts.
        raise MailboxUnreachable("an answer without a response code")

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        if self.unmarked and value != "check":
            return []
        return super().tagged(place, tag, value)


class Stranger(MemoryStore):
    """Another mailbox, as the same sign-in meets it."""

    def __init__(self, trouble: ApplianceError | None) -> None:
        super().__init__()
        self.met = trouble

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        assert place is Place.INBOX
        if self.met is not None:
            raise self.met
        return []


class _Answer(BaseHTTPRequestHandler):
    status = 401
    offered: tuple[str, ...] = ("NTLM", "Negotiate")

    def do_GET(self) -> None:
        self.send_response(self.status)
        for scheme in self.offered:
            self.send_header("WWW-Authenticate", scheme)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""


@pytest.fixture
def answer() -> type[_Answer]:
    return type("Answer", (_Answer,), {})


@pytest.fixture
def port(answer: type[_Answer]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join(5)


class Bench:
    """One mailbox and everything around it."""

    def __init__(self, port: int, box: Path) -> None:
        self.settings = MailboxSettings(
            name="desk",
            office=Path("office"),
            kind="exchange",
            sign_in=SignInSettings(user=DESK, secret="desk"),
            exchange=ExchangeSettings(
                server=f"http://127.0.0.1:{port}/EWS/Exchange.asmx", mailbox=DESK
            ),
        )
        self.site = Site()
        self.stranger = Stranger(CredentialsRefused("no right"))
        self.wish = Wish(send=True, box=box)
        self.clock = HurryingClock()
        self.bearer = False

    def graph(self, port: int) -> None:
        self.settings = replace(
            self.settings,
            kind="graph",
            graph=GraphSettings(mailbox=DESK, endpoint=f"http://127.0.0.1:{port}"),
        )

    def exchange(self, **changes: Any) -> None:
        self.settings = replace(self.settings, exchange=replace(self.settings.exchange, **changes))

    def open_one(self, settings: MailboxSettings) -> MemoryStore:
        if OTHER in {settings.exchange.mailbox, settings.graph.mailbox}:
            return self.stranger
        self.site.way = settings.exchange.send
        return self.site

    def probes(self) -> dict[str, Probe]:
        method = PasswordSignIn(user=DESK, read=lambda: Secret("x"))
        probe = StoreProbe(
            self.settings,
            Office(name="Northgate", addresses=(Address(DESK),)),
            self.wish,
            open_one=self.open_one,
            sign_in=SignIn(method, self.clock),
            clock=self.clock,
        )
        return {one.name: one for one in probe.run()}

    def found(self) -> dict[str, tuple[str, str]]:
        return {name: (one.state, one.found) for name, one in self.probes().items()}


@pytest.fixture
def bench(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(probe_send, "LOOK_SECONDS", 0.0)
    return Bench(port, tmp_path)


def test_a_server_that_is_well_passes_every_probe_and_nothing_stays(bench: Bench) -> None:
    bench.wish = replace(bench.wish, other=OTHER)
    assert bench.found() == {
        "server": ("ok", "answers_ews"),
        "mailbox": ("ok", "read"),
        "other": ("ok", "kept_out"),
        "folders": ("ok", "folders_ready"),
        "draft": ("ok", "draft_marked"),
        "claim": ("ok", "unclaimed"),
        "send": ("ok", "sends"),
        "round_trip": ("ok", "came_back"),
        "marking": ("ok", "marked"),
    }
    assert bench.site.sent == ["send_item"]
    assert bench.site.items == {}


def test_graph_has_one_way_of_sending(bench: Bench, port: int) -> None:
    bench.graph(port)
    found = bench.found()
    assert found["marking"] == ("ok", "marked")
    assert found["server"] == ("ok", "answers")
    assert found["round_trip"] == ("ok", "came_back")
    assert "send" not in found
    assert bench.site.items == {}


def test_what_is_not_asked_for_is_not_done(bench: Bench) -> None:
    bench.wish = replace(bench.wish, send=False)
    found = bench.found()
    assert found["send"] == found["round_trip"] == ("skipped", "not_asked")
    assert found["other"] == ("skipped", "not_named")
    assert bench.site.sent == []


@pytest.mark.parametrize(
    ("configured", "honoured"), [("send_item", "update_item"), ("update_item", "send_item")]
)
def test_the_way_of_sending_that_the_server_honours_is_learned(
    bench: Bench, configured: str, honoured: str
) -> None:
    bench.exchange(send=configured)
    bench.site.honours = {honoured}
    probes = bench.probes()
    assert (probes["send"].state, probes["send"].found) == ("warn", "sends_otherwise")
    assert probes["send"].learned == (("send", honoured),)
    assert probes["round_trip"].found == "came_back"
    assert bench.site.sent == [configured, honoured]
    assert bench.site.items == {}


def test_a_server_that_files_neither_way_fails(bench: Bench) -> None:
    bench.site.honours = set()
    found = bench.found()
    assert found["send"] == ("failed", "sends_not")
    assert found["round_trip"] == ("ok", "came_back")
    assert bench.site.items == {}


@pytest.mark.parametrize("kind", ["exchange", "graph"])
def test_a_mail_that_is_refused_fails_and_is_not_tried_otherwise(
    bench: Bench, port: int, kind: str
) -> None:
    if kind == "graph":
        bench.graph(port)
    bench.site.refusal = ReplyRefused("No right to send as the mailbox.")
    probe = bench.probes()["send" if kind == "exchange" else "round_trip"]
    assert (probe.state, probe.found) == ("failed", "wrong")
    assert bench.site.sent == []
    assert bench.site.items == {}


def test_a_line_that_breaks_before_sending_is_not_an_unknown_sending(bench: Bench) -> None:
    bench.site.refusal = MailboxUnreachable("no answer")
    assert bench.found()["send"] == ("failed", "unreachable")
    assert bench.site.items == {}


def test_a_mail_that_does_not_come_back_is_told(bench: Bench) -> None:
    bench.site.loses = True
    found = bench.found()
    assert found["send"] == ("ok", "sends")
    assert found["round_trip"] == ("failed", "lost")
    assert bench.site.items == {}


@pytest.mark.parametrize("place", [Place.SKIPPED, Place.HELD])
def test_it_is_found_where_a_running_service_puts_it(bench: Bench, place: Place) -> None:
    bench.site.arrives = place
    assert bench.found()["round_trip"] == ("ok", "came_back")
    assert bench.site.items == {}


def test_it_is_known_again_under_another_message_id(bench: Bench) -> None:
    bench.site.renames = True
    assert bench.found()["round_trip"] == ("ok", "came_back")
    assert bench.site.items == {}


@pytest.mark.parametrize(("kind", "state"), [("exchange", "warn"), ("graph", "ok")])
def test_a_mark_that_does_not_leave_is_told(bench: Bench, port: int, kind: str, state: str) -> None:
    if kind == "graph":
        bench.graph(port)
    bench.site.strips = True
    assert bench.found()["marking"] == (state, "unmarked")


@pytest.mark.parametrize(
    ("kind", "marking"),
    [("exchange", ("skipped", "not_yet")), ("graph", ("ok", "marking_unsure"))],
)
def test_whether_it_is_marked_stays_open_without_a_mail(
    bench: Bench, port: int, kind: str, marking: tuple[str, str]
) -> None:
    if kind == "graph":
        bench.graph(port)
    bench.wish = replace(bench.wish, send=False)
    assert bench.found()["marking"] == marking


def test_other_peoples_mail_stays(bench: Bench) -> None:
    raw = b"Message-ID: <1@customers.example>\r\nX-Mail-Appliance: check.other\r\n\r\nHello.\r\n"
    bench.site.deliver(raw)
    probes = bench.probes()
    assert probes["round_trip"].found == "came_back"
    assert bench.site.lying(Place.INBOX) == [raw]


@pytest.mark.parametrize(
    ("results", "learned"),
    [
        (b"Authentication-Results: mx.northgate.example;\r\n spf=pass\r\n", "mx.northgate.example"),
        # As Exchange Online writes it.
        (b"Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=x\r\n", ""),
        (b"Authentication-Results: dkim=none (message not signed);dmarc=none\r\n", ""),
        (b"", ""),
    ],
)
def test_who_vouches_for_senders_is_learned_where_somebody_is_named(
    bench: Bench, results: bytes, learned: str
) -> None:
    bench.site.vouches = results
    assert dict(bench.probes()["round_trip"].learned).get("authserv_id", "") == learned
    assert authserv_id(results) == learned


# Rights


@pytest.mark.parametrize(
    ("trouble", "state", "found"),
    [
        (CredentialsRefused("no right"), "ok", "kept_out"),
        (ConfigError(("no such mailbox",)), "warn", "unclear"),
        (MailboxUnreachable("busy"), "warn", "unclear"),
        (None, "warn", "let_in"),
    ],
)
@pytest.mark.parametrize("kind", ["exchange", "graph"])
def test_another_mailbox_has_to_be_refused(
    bench: Bench, port: int, trouble: ApplianceError | None, state: str, found: str, kind: str
) -> None:
    if kind == "graph":
        bench.graph(port)
    bench.wish = replace(bench.wish, send=False, other=OTHER)
    bench.stranger.met = trouble
    probe = bench.probes()["other"]
    assert (probe.state, probe.found) == (state, found)
    assert dict(probe.values)["other"] == OTHER


@pytest.mark.parametrize("kind", ["exchange", "graph"])
def test_a_refused_sign_in_ends_it(
    bench: Bench, port: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "graph":
        bench.graph(port)
    bench.wish = replace(bench.wish, other=OTHER)
    asked: list[Place] = []

    def refuse(place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        asked.append(place)
        raise CredentialsRefused("wrong password")

    monkeypatch.setattr(bench.site, "tagged", refuse)
    found = bench.found()
    assert found["mailbox"] == ("failed", "refused")
    assert {found[name] for name in ("other", "folders", "draft", "claim")} == {
        ("skipped", "not_signed_in")
    }
    assert found["round_trip"] == found["marking"] == ("skipped", "not_yet")
    assert found.get("send", ("skipped", "not_yet")) == ("skipped", "not_yet")
    # The same wrong password once more locks accounts.
    assert asked == [Place.INBOX]


def test_a_store_that_does_not_keep_our_property_is_not_used_to_send(bench: Bench) -> None:
    bench.site.unmarked = True
    found = bench.found()
    assert found["draft"] == ("failed", "draft_unmarked")
    assert found["send"] == ("skipped", "not_yet")
    assert bench.site.items == {}


# Other boxes


def test_the_note_of_another_box_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / BOX_FILE).write_text("ours\n")
    bench.wish = replace(bench.wish, send=False)
    bench.site.leave_note(box="ours", host="here", beat="1")
    assert bench.found()["claim"] == ("ok", "ours")
    bench.site.leave_note(box="theirs", host="attic\x1b[2J", beat="2")
    probe = bench.probes()["claim"]
    assert (probe.state, probe.found) == ("warn", "noted")
    assert dict(probe.values) == {"host": "attic[2J", "minutes": "5"}


# The server


@pytest.mark.parametrize("kind", ["exchange", "graph"])
def test_a_server_that_is_away_is_told_before_anybody_signs_in(bench: Bench, kind: str) -> None:
    nowhere = free_port()
    bench.exchange(server=f"http://127.0.0.1:{nowhere}/EWS/Exchange.asmx")
    if kind == "graph":
        bench.graph(nowhere)
    probes = bench.probes()
    assert (probes["server"].state, probes["server"].found) == ("failed", "unreachable")
    assert "nothing listens there" in dict(probes["server"].values)["reason"]
    others = {one.state for name, one in probes.items() if name != "server"}
    assert others == {"skipped"}


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("mail.example.com", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com:8443/", "https://mail.example.com:8443/EWS/Exchange.asmx"),
        ("https://mail.example.com/ews", "https://mail.example.com/ews"),
    ],
)
def test_the_server_is_tried_out_where_the_service_will_ask_it(
    bench: Bench, server: str, address: str
) -> None:
    bench.exchange(server=server)
    assert endpoint(bench.settings) == address
    assert ews_address(bench.settings.exchange) == address


def test_a_name_without_a_path_leads_to_ews(bench: Bench, port: int) -> None:
    bench.exchange(server=f"http://127.0.0.1:{port}")
    values = dict(bench.probes()["server"].values)
    assert values["url"] == f"http://127.0.0.1:{port}/EWS/Exchange.asmx"


def test_an_address_without_ews_is_told(bench: Bench, answer: type[_Answer]) -> None:
    answer.status = 404
    assert bench.found()["server"] == ("failed", "no_ews")


@pytest.mark.parametrize(
    ("auth", "offered", "found"),
    [
        ("basic", ("NTLM", "Negotiate"), "not_offered"),
        ("ntlm", ('Basic realm="NTLM of old"',), "not_offered"),
        ("ntlm", ("Basic",), "not_offered"),
        ("ntlm", ("Negotiate",), "answers_ews"),
        ("basic", (), "answers"),
    ],
)
def test_a_sign_in_that_the_server_does_not_offer_is_told(
    bench: Bench, answer: type[_Answer], auth: str, offered: tuple[str, ...], found: str
) -> None:
    bench.exchange(auth=auth)
    answer.offered = offered
    assert bench.found()["server"][1] == found


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (datetime(2026, 11, 25, tzinfo=UTC), "ews_ends"),
        (datetime(2027, 3, 31, 23, 59, tzinfo=UTC), "ews_ends"),
        (datetime(2027, 4, 1, tzinfo=UTC), "ews_over"),
    ],
)
def test_exchange_online_by_ews_is_warned_of(bench: Bench, now: datetime, found: str) -> None:
    bench.exchange(server="https://outlook.office365.com:1/EWS/Exchange.asmx")
    bench.clock = HurryingClock(now)
    method = PasswordSignIn(user=DESK, read=lambda: Secret("x"))
    probe = StoreProbe(
        bench.settings,
        Office(name="Northgate", addresses=(Address(DESK),)),
        bench.wish,
        open_one=bench.open_one,
        sign_in=SignIn(method, bench.clock),
        clock=bench.clock,
    )
    first = next(iter(probe.run()))
    assert (first.name, first.state, first.found) == ("online", "warn", found)


@pytest.mark.parametrize(
    ("host", "method", "warned"),
    [
        ("smtp.office365.com", "password", True),
        ("smtp.office365.com", "microsoft", False),
        ("smtp.northgate.example", "password", False),
    ],
)
def test_a_password_at_the_smtp_of_microsoft_365_is_warned_of(
    tmp_path: Path, host: str, method: Any, *, warned: bool
) -> None:
    settings = MailboxSettings(
        name="desk",
        office=tmp_path,
        kind="imap",
        sign_in=SignInSettings(user=DESK, method=method, client_id="1", secret="desk"),
        imap=ImapSettings(host="127.0.0.1", port=free_port(), security="none"),
        smtp=SmtpSettings(host=host, port=free_port()),
    )
    probe = AccountProbe(
        settings,
        Office(name="Northgate", addresses=(Address(DESK),)),
        secrets=Secrets(tmp_path, {}),
        state=tmp_path,
        clock=FakeClock(),
    )
    first = next(iter(probe.run(send=False, box=tmp_path)))
    assert (first.found == "smtp_auth") is warned
