"""Sign-in, rest, errors and waiting of the Graph store, seen from the server."""

import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from appliance.daemon import SystemClock
from appliance.domain.errors import ConfigError, CredentialsRefused, MailboxUnreachable
from appliance.mailbox import graph
from appliance.mailbox.graph import GraphStore
from appliance.mailbox.mailstore import Tag
from appliance.mailbox.places import Place
from appliance.mailbox.record import Recorder
from tests.fakes import FakeClock
from tests.graph_account import DESK, OTHER, GraphAccount
from tests.integration.test_graph_store import LONG_AGO, waiting
from tests.integration.test_graph_store_sending import TAGS, answer
from tests.raw_mail import raw_mail
from tests.servers.graph_faults import How


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def account(tmp_path: Path, clock: FakeClock) -> Iterator[GraphAccount]:
    with GraphAccount(tmp_path, clock) as account:
        yield account


@pytest.fixture
def store(account: GraphAccount) -> Iterator[GraphStore]:
    store = account.store()
    yield store
    store.close()


def looked_around(store: GraphStore) -> None:
    waiting(store)
    store.notes()


def asked(account: GraphAccount) -> int:
    return len(account.server.requests)


# Sign-in and rights.


def test_nothing_is_asked_before_it_is_needed(account: GraphAccount, store: GraphStore) -> None:
    store.wake()
    store.close()
    assert asked(account) == 0


def test_a_revoked_token_is_renewed_once_and_the_request_repeated(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.deliver(DESK, raw_mail(1))
    waiting(store)
    account.server.tokens.revoke("token-1")
    account.allow("token-2")
    assert len(waiting(store)) == 1
    assert account.tokens.renewals == 1
    assert len(waiting(store)) == 1
    assert account.tokens.renewals == 1


def test_a_token_that_stays_refused_is_not_shown_every_second(
    account: GraphAccount, store: GraphStore, clock: FakeClock
) -> None:
    account.server.tokens.revoke("token-1")
    with pytest.raises(CredentialsRefused, match="InvalidAuthenticationToken"):
        waiting(store)
    before = asked(account)
    assert before == 2
    with pytest.raises(CredentialsRefused):
        waiting(store)
    assert asked(account) == before
    clock.advance(timedelta(minutes=6))
    account.allow("token-2")
    assert waiting(store) == ()


def test_another_mailbox_is_refused_and_the_missing_right_named(account: GraphAccount) -> None:
    store = account.store(mailbox=OTHER)
    with pytest.raises(CredentialsRefused, match=r"ErrorAccessDenied.*Mail\.ReadWrite") as caught:
        waiting(store)
    assert OTHER not in str(caught.value)
    assert account.tokens.renewals == 0
    with pytest.raises(CredentialsRefused):
        store.tagged(Place.SENT, Tag.REPLY, "x")


def test_a_refused_mailbox_does_not_refuse_the_sign_in(account: GraphAccount) -> None:
    """What is shared between two mailboxes of one application is the token, not the right."""
    store = account.store(mailbox=OTHER)
    with pytest.raises(CredentialsRefused):
        waiting(store)
    account.server.tokens.add("token-1", mailboxes={DESK, OTHER})
    assert waiting(store) == ()


def test_a_mailbox_that_does_not_exist_is_a_mistake_in_the_configuration(
    account: GraphAccount,
) -> None:
    with pytest.raises(ConfigError, match=r"mailbox\.graph\.mailbox: .*ErrorInvalidUser"):
        waiting(account.store(mailbox="nobody@office.example.com"))


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    account: GraphAccount, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    with pytest.raises(ConfigError, match="certificate"):
        waiting(account.store(ca_file=stranger))
    assert asked(account) == 0


def test_a_ca_file_that_is_none_is_told_before_anything_is_asked(
    account: GraphAccount, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing", "ascii")
    with pytest.raises(ConfigError, match=r"broken\.pem"):
        account.store(ca_file=broken)


def test_the_environment_changes_neither_token_nor_trust(
    account: GraphAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n", "ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger))
    assert waiting(account.store()) == ()


# Rest.


@pytest.mark.parametrize(
    ("how", "retry_after", "seconds"),
    [("429", 30.0, 30), ("503", 30.0, 30), ("503", None, 5), ("429", 4000.0, 3600)],
)
def test_nothing_is_asked_while_the_server_wants_rest(
    account: GraphAccount,
    store: GraphStore,
    clock: FakeClock,
    how: How,
    retry_after: float | None,
    seconds: int,
) -> None:
    account.server.faults.plan("delta", how, retry_after=retry_after)
    with pytest.raises(MailboxUnreachable, match="busy"):
        waiting(store)
    assert asked(account) == 1
    clock.advance(timedelta(seconds=seconds - 1))
    for attempt in (
        lambda: waiting(store),
        store.notes,
        lambda: store.locate("key", None),
        lambda: store.draft(answer(), TAGS, None),
    ):
        with pytest.raises(MailboxUnreachable, match="busy"):
            attempt()
    assert asked(account) == 1
    clock.advance(timedelta(seconds=2))
    assert waiting(store) == ()


def test_a_server_that_wants_rest_is_not_asked_by_the_others_at_work(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(100)])
    listed = waiting(store)
    account.server.faults.plan("get_mime", "429", nth=5, times=None, retry_after=60)
    with pytest.raises(MailboxUnreachable):
        store.read(listed)
    refused = sum(status == 429 for _, _, status in account.server.requests)
    # Those that were on their way, and no more.
    assert 1 <= refused <= 4


def test_never_more_than_four_requests_are_under_way(
    account: GraphAccount, store: GraphStore
) -> None:
    account.server.limit_concurrency(4)
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(60)])
    listed = waiting(store)
    with ThreadPoolExecutor(3) as pool:
        read = [pool.submit(store.read, listed) for _ in range(3)]
        assert [len(one.result()) for one in read] == [60, 60, 60]
    assert {status for _, _, status in account.server.requests} == {200}


# Errors.


@pytest.mark.parametrize("how", ["500", "504", "drop", "cut", "broken_json"])
def test_whatever_stays_broken_is_worth_another_try(
    account: GraphAccount, store: GraphStore, how: How
) -> None:
    for operation in ("delta", "list_messages", "list_folders"):
        account.server.faults.plan(operation, how, times=2)
        with pytest.raises(MailboxUnreachable) as caught:
            looked_around(store)
        assert "customer" not in str(caught.value)
        assert DESK not in str(caught.value)
        account.server.faults.clear()
    assert waiting(store) == ()
    assert store.notes() == []


@pytest.mark.parametrize("how", ["500", "504", "drop", "cut"])
def test_one_lost_answer_does_not_spoil_what_is_only_read(
    account: GraphAccount, store: GraphStore, how: How
) -> None:
    account.server.deliver_many(DESK, [raw_mail(number) for number in range(20)])
    account.server.faults.plan("get_mime", how, nth=7)
    account.server.faults.plan("delta", how)
    assert len(store.read(waiting(store))) == 20


@pytest.mark.parametrize("how", ["500", "504", "drop", "cut"])
def test_what_changes_something_is_never_asked_twice(
    account: GraphAccount, store: GraphStore, how: How
) -> None:
    account.server.faults.plan("create_message", how)
    with pytest.raises(MailboxUnreachable):
        store.leave_note(box="box-1", host="counter", beat="1")
    assert account.server.count("create_message") == 1


def test_a_server_that_says_nothing_is_given_up(account: GraphAccount) -> None:
    account.server.faults.plan("delta", "freeze", seconds=60)
    with pytest.raises(MailboxUnreachable, match="in time"):
        waiting(account.store(timeout_seconds=1))


def test_a_server_that_is_gone_is_reached_again_when_it_is_back(
    account: GraphAccount, store: GraphStore
) -> None:
    waiting(store)
    account.server.stop()
    with pytest.raises(MailboxUnreachable):
        waiting(store)
    account.server.start()
    assert waiting(store) == ()
    store.close()
    assert waiting(store) == ()


class Stranger(BaseHTTPRequestHandler):
    """Sends everybody elsewhere, and remembers what it was shown."""

    seen: list[str | None] = []  # noqa: RUF012 - of one test
    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")

    def do_GET(self) -> None:
        Stranger.seen.append(self.headers["Authorization"])
        status, headers, body = Stranger.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def stranger() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    Stranger.seen = []
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("kind", ["redirect", "nextLink", "deltaLink", "page"])
def test_a_token_is_shown_to_no_other_server(
    account: GraphAccount, stranger: str, kind: str
) -> None:
    """The endpoint sends us on to the server of the tests, which must not be asked."""
    body: bytes = b"<html>Please sign in</html>"
    status, headers = 200, {}
    if kind == "redirect":
        status, headers = 302, {"Location": f"{account.server.url}/v1.0/"}
    elif kind != "page":
        link = f"{account.server.url}/v1.0/users/x/messages/delta?$deltatoken=t"
        body = f'{{"value": [], "@odata.{kind}": "{link}"}}'.encode()
    Stranger.answer = (status, headers, body)
    with pytest.raises(MailboxUnreachable):
        waiting(account.store(endpoint=stranger))
    assert Stranger.seen == ["Bearer token-1"]
    assert asked(account) == 0


@pytest.mark.parametrize("status", [404, 400, 410])
def test_a_proxy_that_finds_nothing_is_no_proof_that_a_mail_is_gone(
    account: GraphAccount, stranger: str, status: int
) -> None:
    Stranger.answer = (status, {}, b"<html>Not found</html>")
    with pytest.raises(MailboxUnreachable):
        account.store(endpoint=stranger).locate("key", None)


# What is written down about it.


def test_neither_mail_nor_addresses_nor_tokens_reach_a_log(
    account: GraphAccount, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        store = account.store()
        account.server.deliver(DESK, raw_mail(1))
        store.read(waiting(store))
        store.send(store.draft(answer(), TAGS, None), lambda: None)
        account.server.stop()
        with pytest.raises(MailboxUnreachable):
            waiting(store)
    said = "\n".join(record.getMessage() for record in caplog.records)
    for word in ("customer", "desk", "token", "opening", "Question"):
        assert word not in said


class Heard:
    """Hears what is recorded."""

    def __init__(self) -> None:
        self.exchanges: list[tuple[str, str, bytes, int, bytes]] = []

    def note(
        self,
        method: str,
        url: str,
        sent: bytes,
        status: int,
        headers: Mapping[str, str],
        received: bytes,
    ) -> None:
        assert "Authorization" not in headers
        self.exchanges.append((method, url, sent, status, received))


def test_every_exchange_is_heard(account: GraphAccount) -> None:
    heard = Heard()
    store = account.store(recorder=heard)
    account.server.deliver(DESK, raw_mail(1))
    store.read(waiting(store))
    store.send(store.draft(answer(), TAGS, None), lambda: None)
    assert len(heard.exchanges) == asked(account)
    assert [status for _, _, _, status, _ in heard.exchanges][-2:] == [201, 202]
    assert any(b"Question 1" in received for *_, received in heard.exchanges)
    assert b"We open at nine" in heard.exchanges[-2][2]


def test_a_recorder_writes_nothing_personal(account: GraphAccount, tmp_path: Path) -> None:
    directory = tmp_path / "transcripts"
    store = account.store(recorder=Recorder(directory))
    account.server.deliver(DESK, raw_mail(1))
    store.read(waiting(store))
    store.send(store.draft(answer(), TAGS, None), lambda: None)
    files = sorted(directory.iterdir())
    assert len(files) == asked(account)
    text = b"".join(file.read_bytes() for file in files)
    for word in (b"customer1", b"We open", b"Question 1", b"token-1", DESK.encode()):
        assert word not in text


# Waiting.


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphAccount]:
    """An account whose time passes, looked at a hundred times a second."""
    monkeypatch.setattr(graph, "PEEK_SECONDS", 0.01)
    with GraphAccount(tmp_path, SystemClock()) as account:
        yield account


def test_new_mail_ends_a_wait(real: GraphAccount) -> None:
    store = real.store()
    store.begin(Place.INBOX, LONG_AGO)
    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(store.wait, 300)
        real.server.wait_for("delta", 3)
        real.server.deliver(DESK, raw_mail(1))
        assert asleep.result(30)


def test_mail_that_came_between_a_look_and_the_wait_ends_it(real: GraphAccount) -> None:
    store = real.store()
    state = store.begin(Place.INBOX, LONG_AGO).state
    real.server.deliver(DESK, raw_mail(1))
    assert store.wait(300)
    state = store.changes(Place.INBOX, state, 50).state
    assert not store._sync.stirred()
    real.server.mark_replied(DESK, "question-1@customers.example")
    assert store.wait(300)
    store.changes(Place.INBOX, state, 50)
    assert not store.wait(0.1)


def test_mail_that_left_the_inbox_ends_no_wait(real: GraphAccount) -> None:
    store = real.store()
    real.server.deliver(DESK, raw_mail(1))
    store.begin(Place.INBOX, LONG_AGO)
    real.server.move(DESK, "question-1@customers.example", "Archive")
    assert not store._sync.stirred()
    assert not store.wait(0.1)


def test_an_inbox_that_was_never_looked_at_counts_as_empty(real: GraphAccount) -> None:
    store = real.store()
    assert not store.wait(0.1)
    real.server.deliver(DESK, raw_mail(1))
    assert store.wait(300)


def test_a_lost_state_ends_a_wait(real: GraphAccount) -> None:
    store = real.store()
    store.begin(Place.INBOX, LONG_AGO)
    real.server.forget_delta_tokens()
    assert store.wait(300)


def test_a_wake_ends_this_wait_or_the_next(real: GraphAccount) -> None:
    store = real.store()
    store.wake()
    assert store.wait(300)
    assert not store.wait(0)
    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(store.wait, 300)
        real.server.wait_for("list_messages")
        store.wake()
        assert asleep.result(30)


def test_nobody_peeks_while_the_server_wants_rest(real: GraphAccount) -> None:
    store = real.store()
    store.begin(Place.INBOX, LONG_AGO)
    real.server.faults.plan("delta", "429", retry_after=60)
    with pytest.raises(MailboxUnreachable, match="busy"):
        store.wait(300)
    before = asked(real)
    assert not store.wait(0.2)
    assert asked(real) == before


def test_what_breaks_during_a_wait_is_told(real: GraphAccount) -> None:
    store = real.store()
    store.begin(Place.INBOX, LONG_AGO)
    real.server.stop()
    with pytest.raises(MailboxUnreachable):
        store.wait(300)
