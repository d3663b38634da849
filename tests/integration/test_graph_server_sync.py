"""The Graph server of the tests: delta query, what goes wrong on the line, limits, restarts."""

import base64
import email
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, JSONDecodeError, Timeout

from tests.raw_mail import raw_mail
from tests.servers.graph import GraphServer
from tests.servers.graph_client import BOX, IMMUTABLE, OTHER, TAG, Client

DELTA = "/mailFolders/inbox/messages/delta"
LOST = (requests.exceptions.ConnectionError, ChunkedEncodingError)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GraphServer]:
    with GraphServer(mailboxes=(BOX, OTHER), directory=tmp_path) as server:
        server.tokens.add("token-1", mailboxes={BOX})
        yield server


@pytest.fixture
def client(server: GraphServer) -> Client:
    return Client(server)


class Round:
    """One round of a delta query: all its pages."""

    def __init__(self, client: Client, link: str = DELTA, size: int = 50, **options: str) -> None:
        prefer = {"Prefer": f"{IMMUTABLE}, odata.maxpagesize={size}"}
        more = {f"${name}" if name != "changeType" else name: options[name] for name in options}
        self.pages: list[Any] = []
        while link:
            answer = client.ask("GET", link, params=more, headers=prefer)
            assert answer.status_code == 200, answer.text
            self.pages.append(answer.json())
            link, more = self.pages[-1].get("@odata.nextLink", ""), {}
        self.link = str(self.pages[-1]["@odata.deltaLink"])
        self.value = [one for page in self.pages for one in page["value"]]
        self.subjects = [one.get("subject") for one in self.value]
        self.removed = [one["id"] for one in self.value if "@removed" in one]


# Delta query.


def test_the_first_round_brings_the_folder_and_the_next_what_changed(
    server: GraphServer, client: Client
) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(5)])
    first = Round(client, size=2, select="subject,receivedDateTime")
    assert [len(page["value"]) for page in first.pages] == [2, 2, 1]
    assert sorted(first.subjects) == [f"Question {number}" for number in range(5)]
    assert {key for one in first.value for key in one} == {
        "@odata.type",
        "@odata.etag",
        "id",
        "subject",
        "receivedDateTime",
    }
    for page in first.pages[:-1]:
        assert page["@odata.nextLink"].startswith(f"{server.url}/v1.0/")
        assert "@odata.deltaLink" not in page
    quiet = Round(client, first.link)
    assert quiet.value == []
    server.deliver(BOX, raw_mail(5))
    assert Round(client, quiet.link).subjects == ["Question 5"]
    assert Round(client, first.link).subjects == ["Question 5"]


def test_a_page_holds_ten_where_nobody_says(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(11)])
    assert len(client.get(DELTA)["value"]) == 10
    assert len(client.get(DELTA, top="3")["value"]) == 3


def test_what_left_the_folder_is_said_to_be_removed(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(3)])
    first = Round(client)
    ids = {one["subject"]: one["id"] for one in first.value}
    server.delete(BOX, "question-0@customers.example")
    client.post(f"/messages/{ids['Question 1']}/move", {"destinationId": "archive"})
    server.deliver(BOX, raw_mail(3))
    server.delete(BOX, "question-3@customers.example")
    second = Round(client, first.link)
    assert sorted(second.removed) == sorted([ids["Question 0"], ids["Question 1"]])
    assert [one["@removed"] for one in second.value] == [{"reason": "deleted"}] * 2
    server.move(BOX, "question-1@customers.example", "Inbox")
    third = Round(client, second.link)
    assert [one["id"] for one in third.value] == [ids["Question 1"]]
    assert third.removed == []


def test_a_mail_that_went_and_came_back_is_no_loss(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1))
    first = Round(client)
    server.move(BOX, "question-1@customers.example", "Archive")
    server.move(BOX, "question-1@customers.example", "Inbox")
    second = Round(client, first.link)
    assert [one["id"] for one in second.value] == [first.value[0]["id"]]
    assert second.removed == []
    plain = client.ask("GET", first.link, headers={"Prefer": "odata.maxpagesize=5"}).json()
    assert Counter("@removed" in one for one in plain["value"]) == {True: 1, False: 1}


def test_a_mail_that_was_only_read_comes_with_no_more_than_that(
    server: GraphServer, client: Client
) -> None:
    server.deliver_many(BOX, [raw_mail(1), raw_mail(2)])
    first = Round(client, select="subject,receivedDateTime")
    server.mark_read(BOX, "question-1@customers.example")
    server.mark_replied(BOX, "question-2@customers.example")
    second = Round(client, first.link)
    read, replied = second.value
    assert set(read) == {"@odata.type", "id", "isRead"}
    assert read["isRead"] is True
    assert replied["subject"] == "Question 2"


def test_properties_and_the_filter_hold_for_every_round(
    server: GraphServer, client: Client
) -> None:
    old = datetime.now(UTC) - timedelta(days=9)
    server.deliver(BOX, raw_mail(1), received=old)
    server.deliver(BOX, raw_mail(2))
    since = (old + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    expand = "singleValueExtendedProperties($filter=id eq 'Integer 0x1081')"
    first = Round(client, select="subject", filter=f"receivedDateTime ge {since}", expand=expand)
    assert first.subjects == ["Question 2"]
    server.mark_replied(BOX, "question-1@customers.example")
    server.mark_replied(BOX, "question-2@customers.example")
    second = Round(client, first.link)
    assert second.subjects == ["Question 2"]
    told = second.value[0]["singleValueExtendedProperties"]
    assert told == [{"id": "Integer 0x1081", "value": "102"}]


def test_a_kind_of_change_can_be_chosen(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(1), raw_mail(2)])
    links = {
        kind: Round(client, changeType=kind).link for kind in ("created", "updated", "deleted")
    }
    server.deliver(BOX, raw_mail(3))
    server.mark_replied(BOX, "question-1@customers.example")
    server.delete(BOX, "question-2@customers.example")
    assert Round(client, links["created"]).subjects == ["Question 3"]
    assert Round(client, links["updated"]).subjects == ["Question 1"]
    assert len(Round(client, links["deleted"]).removed) == 1
    assert client.refused("GET", DELTA, params={"changeType": "moved"})[0] == 400


@pytest.mark.parametrize(
    "options",
    [
        {"$filter": "isRead eq false"},
        {"$filter": "receivedDateTime le 2026-01-01T00:00:00Z"},
        {"$filter": "receivedDateTime ge 2026-01-01T00:00:00Z and isRead eq false"},
        {"$orderby": "receivedDateTime asc"},
        {"$skip": "5"},
        {"$count": "true"},
    ],
)
def test_delta_takes_fewer_options_than_a_list(client: Client, options: dict[str, str]) -> None:
    assert client.refused("GET", DELTA, params=options) == (400, "ErrorInvalidUrlQuery")
    assert Round(client, orderby="receivedDateTime desc").value == []


def test_a_lost_token_is_gone_and_a_new_round_begins(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1))
    first = Round(client)
    server.forget_delta_tokens()
    assert client.refused("GET", first.link) == (410, "SyncStateNotFound")
    server.forget_delta_tokens("resyncRequired")
    assert client.refused("GET", first.link) == (410, "resyncRequired")
    assert Round(client).subjects == ["Question 1"]


def test_a_token_is_of_one_folder_and_whole(server: GraphServer, client: Client) -> None:
    link = Round(client).link
    token = link.partition("deltatoken=")[2]
    sent = "/mailFolders/sentitems/messages/delta"
    gone = client.refused("GET", sent, params={"$deltatoken": token})
    assert gone == (410, "SyncStateNotFound")
    bad = client.refused("GET", DELTA, params={"$deltatoken": "other"})
    assert bad == (400, "BadRequest")
    more = client.refused("GET", f"{link}&$select=subject")
    assert more == (400, "BadRequest")


def people_do_something(server: GraphServer, random: Random, number: int) -> None:
    """A mail comes (number ``number``), goes, is answered, is put away or taken back."""
    act = random.choice(("deliver", "delete", "touch", "away", "back"))
    lying, away = server.items(BOX, "Inbox"), server.items(BOX, "Archive")
    if act == "deliver" or not lying or (act == "back" and not away):
        server.deliver(BOX, raw_mail(number))
        return
    chosen = random.choice(away if act == "back" else lying).fields["internetMessageId"]
    if act == "delete":
        server.delete(BOX, chosen, for_good=True)
    elif act == "touch":
        server.mark_replied(BOX, chosen)
    else:
        server.move(BOX, chosen, "Inbox" if act == "back" else "Archive")


def test_what_happens_during_a_round_is_told_in_it_or_in_the_next(
    server: GraphServer, client: Client
) -> None:
    random = Random(7)
    server.deliver_many(BOX, [raw_mail(number) for number in range(30)])
    known: dict[str, str] = {}
    link, quiet, pages = f"{client.base}{DELTA}", False, 0
    while not quiet:
        prefer = {"Prefer": f"{IMMUTABLE}, odata.maxpagesize=4"}
        page = client.ask("GET", link, headers=prefer).json()
        pages += 1
        for one in page["value"]:
            if "@removed" in one:
                known.pop(one["id"], None)
            else:
                known[one["id"]] = one["subject"]
        quiet = pages > 120 and page["value"] == [] and "@odata.deltaLink" in page
        link = page.get("@odata.nextLink") or page["@odata.deltaLink"]
        if pages <= 120:
            people_do_something(server, random, 100 + pages)
    lying = [one.fields["subject"] for one in server.items(BOX, "Inbox")]
    assert sorted(known.values()) == sorted(lying)
    assert any(subject >= "Question 100" for subject in lying)


def test_a_mail_that_left_during_a_round_is_not_shown_in_it(
    server: GraphServer, client: Client
) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(4)])
    prefer = {"Prefer": f"{IMMUTABLE}, odata.maxpagesize=2"}
    page = client.ask("GET", DELTA, headers=prefer).json()
    server.delete(BOX, "question-0@customers.example")
    rest = Round(client, page["@odata.nextLink"], size=2)
    assert rest.subjects == ["Question 1"]
    assert len(Round(client, rest.link).removed) == 1


def test_a_mail_that_a_program_marks_as_read_is_only_read(
    server: GraphServer, client: Client
) -> None:
    server.deliver_many(BOX, [raw_mail(1), raw_mail(2)])
    first = Round(client)
    for one, told in zip(first.value, ({}, {"categories": ["Answered"]}), strict=True):
        client.patch(f"/messages/{one['id']}", {"isRead": True} | told)
    read, marked = Round(client, first.link).value
    assert "subject" not in read
    assert marked["categories"] == ["Answered"]


# What goes wrong.


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("503", 503, "serviceNotAvailable"),
        ("504", 504, "UnknownError"),
        ("500", 500, "ErrorInternalServerError"),
        ("429", 429, "ApplicationThrottled"),
        ("401", 401, "InvalidAuthenticationToken"),
    ],
)
def test_a_planned_error_comes_once_and_names_its_rest(
    server: GraphServer, client: Client, how: Any, status: int, code: str
) -> None:
    server.faults.plan("list_messages", how, nth=2, retry_after=7)
    client.get("/messages")
    client.get("/mailFolders")
    answer = client.ask("GET", "/messages")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.headers.get("Retry-After") == ("7" if how in {"503", "504", "429"} else None)
    client.get("/messages")
    assert server.faults.struck == {("list_messages", how, "before"): 1}


def test_a_gateway_answers_with_a_page_and_throttling_may_name_no_time(
    server: GraphServer, client: Client
) -> None:
    server.faults.plan("*", "502")
    answer = client.ask("GET", "/messages")
    assert answer.status_code == 502
    with pytest.raises(JSONDecodeError):
        answer.json()
    server.faults.plan("*", "429")
    answer = client.ask("GET", "/messages")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, None)


def draft_of(client: Client) -> str:
    people = [{"emailAddress": {"address": "ann@customers.example"}}]
    return str(client.post("/messages", {"toRecipients": people})["id"])


@pytest.mark.parametrize("how", ["503", "drop"])
def test_a_fault_comes_before_the_deed_or_after_it(
    server: GraphServer, client: Client, how: Any
) -> None:
    draft = draft_of(client)
    for when, posted in (("before", 0), ("after", 1)):
        server.faults.plan("send", how, when=when)
        if how == "drop":
            with pytest.raises(LOST):
                client.ask("POST", f"/messages/{draft}/send")
        else:
            assert client.ask("POST", f"/messages/{draft}/send").status_code == 503
        assert len(server.posted) == posted
    assert client.refused("POST", f"/messages/{draft}/send") == (404, "ErrorItemNotFound")


def test_an_answer_may_break_off_or_be_half_a_document(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1))
    server.faults.plan("list_messages", "cut")
    with pytest.raises(LOST):
        client.ask("GET", "/messages")
    server.faults.plan("list_messages", "broken_json")
    answer = client.ask("GET", "/messages")
    assert answer.status_code == 200
    with pytest.raises(JSONDecodeError):
        answer.json()


def test_a_send_is_carried_out_after_the_client_is_gone(
    server: GraphServer, client: Client
) -> None:
    draft = draft_of(client)
    server.faults.plan("send", "drop", when="later", seconds=60)
    with pytest.raises(LOST):
        client.ask("POST", f"/messages/{draft}/send")
    assert server.posted == []
    assert len(server.lying(BOX, "Drafts")) == 1
    server.settle()
    assert len(server.posted) == 1
    assert client.get(f"/messages/{draft}")["isDraft"] is False


def test_a_frozen_answer_comes_after_its_time_or_when_the_test_wants_it(
    server: GraphServer, client: Client
) -> None:
    for when in ("before", "after"):
        draft = draft_of(client)
        sent = len(server.posted)
        server.faults.plan("send", "freeze", when=when, seconds=60)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.ask, "POST", f"/messages/{draft}/send")
            server.wait_for("send", 1 if when == "before" else 2)
            if when == "after":
                server.wait_posted(sent + 1)
            assert not waiting.done()
            server.faults.clear()
            assert waiting.result(20).status_code == 202
        assert len(server.posted) == sent + 1


def test_a_client_may_lose_patience_before_the_server_does(
    server: GraphServer, client: Client
) -> None:
    draft = draft_of(client)
    server.faults.plan("send", "freeze", seconds=60)
    with pytest.raises(Timeout):
        requests.post(
            f"{client.base}/messages/{draft}/send",
            headers={"Authorization": "Bearer token-1"},
            verify=str(server.ca_file),
            timeout=(20, 0.05),
        )
    assert server.posted == []
    server.faults.clear()
    server.wait_posted(1)


def test_the_weather_is_the_same_for_the_same_seed(server: GraphServer, client: Client) -> None:
    def days() -> list[str]:
        seen: list[str] = []
        server.faults.weather(Random(3), 0.5)
        for _ in range(40):
            try:
                answer = Client(server).ask("GET", "/mailFolders/inbox")
                answer.json()
                seen.append(str(answer.status_code))
            except JSONDecodeError:
                seen.append("half")
            except LOST:
                seen.append("lost")
        server.faults.clear()
        return seen

    first = days()
    assert first == days()
    assert {"200", "503", "504", "429", "half", "lost"} <= set(first)
    assert client.ask("GET", "/mailFolders/inbox").status_code == 200


def test_a_fault_may_be_meant_for_one_mailbox_and_for_ever(
    server: GraphServer, client: Client
) -> None:
    server.tokens.add("token-1", mailboxes={BOX, OTHER})
    server.faults.plan("*", "503", times=None, mailbox=OTHER)
    other = Client(server, user=OTHER)
    for _ in range(3):
        assert other.ask("GET", "/messages").status_code == 503
        assert client.ask("GET", "/messages").status_code == 200
    server.faults.clear()
    assert other.ask("GET", "/messages").status_code == 200


def test_four_requests_at_a_time_are_enough(server: GraphServer, client: Client) -> None:
    server.limit_concurrency(retry_after=3)
    server.tokens.add("token-2", mailboxes={BOX})
    server.faults.plan("list_folders", "freeze", times=4, seconds=60)
    with ThreadPoolExecutor(4) as pool:
        frozen = [pool.submit(Client(server).ask, "GET", "/mailFolders") for _ in range(4)]
        server.wait_for("list_folders", 4)
        answer = client.ask("GET", "/messages")
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "3"
        error = answer.json()["error"]
        assert error["code"] == "ApplicationThrottled"
        assert "MailboxConcurrency" in error["message"]
        assert Client(server, token="token-2").ask("GET", "/messages").status_code == 200
        server.faults.clear()
        assert [one.result(20).status_code for one in frozen] == [200] * 4
    assert client.ask("GET", "/messages").status_code == 200
    server.limit_concurrency(None)


# The server as such.


def test_the_state_outlives_a_stop_and_the_port_stays(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1))
    link, port = Round(client).link, server.port
    server.stop()
    with pytest.raises(requests.exceptions.ConnectionError):
        client.ask("GET", "/messages")
    server.deliver(BOX, raw_mail(2))
    server.start()
    assert server.port == port
    assert Round(client, link).subjects == ["Question 2"]


def test_a_stop_cuts_what_is_under_way_and_does_not_carry_it_out(
    server: GraphServer, client: Client
) -> None:
    draft = draft_of(client)
    server.faults.plan("send", "freeze", seconds=60)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.ask, "POST", f"/messages/{draft}/send")
        server.wait_for("send")
        server.stop()
        with pytest.raises(LOST):
            waiting.result(20)
    server.start()
    assert server.posted == []
    assert client.get(f"/messages/{draft}")["isDraft"] is True


def test_every_request_is_noted_by_its_template(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1))
    client.ask("PATCH", f"/messages/{client.first()}", json={"isRead": True})
    client.ask("GET", "/messages/none")
    server.faults.plan("delta", "drop")
    with pytest.raises(LOST):
        client.ask("GET", DELTA)
    assert [(what, status) for _, what, status in server.requests] == [
        ("GET /users/{user}/mailFolders/{folder}/messages", 200),
        ("PATCH /users/{user}/messages/{message}", 200),
        ("GET /users/{user}/messages/{message}", 400),
        ("GET /users/{user}/mailFolders/{folder}/messages/delta", 0),
    ]
    moments = [moment for moment, _, _ in server.requests]
    assert moments == sorted(moments)
    assert server.count("get_message") == 1


def test_a_connection_serves_many_requests(server: GraphServer, client: Client) -> None:
    answer = client.ask("GET", "/mailFolders/inbox", headers={"client-request-id": "mine"})
    assert answer.raw.version == 11
    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["Preference-Applied"] == IMMUTABLE
    assert "request-id" in answer.headers
    for _ in range(20):
        client.get("/mailFolders/inbox")
    assert len(client.session.get_adapter("https://").poolmanager.pools) == 1  # type: ignore[attr-defined]


def test_a_stranger_to_the_authority_gets_no_connection(server: GraphServer) -> None:
    session = requests.Session()
    session.trust_env = False
    with pytest.raises(requests.exceptions.SSLError):
        session.get(f"{server.url}/v1.0/users/{BOX}/messages", timeout=20)
    named = session.get(
        f"https://localhost:{server.port}/v1.0/users/{BOX}/messages",
        headers={"Authorization": "Bearer token-1"},
        verify=str(server.ca_file),
        timeout=20,
    )
    assert named.status_code == 200


def test_it_speaks_plainly_where_that_is_wanted(tmp_path: Path) -> None:
    with GraphServer(mailboxes=(BOX,), directory=tmp_path, tls=False) as server:
        server.tokens.add("token-1", mailboxes={BOX})
        assert server.url.startswith("http://")
        assert Client(server).get("/messages")["value"] == []


def test_requests_may_come_in_a_batch(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1))
    first = client.first()
    where = f"{server.url}/v1.0/$batch"
    steps = [
        {"id": "a", "method": "GET", "url": f"/users/{BOX}/messages/{first}?$select=subject"},
        {"id": "b", "method": "GET", "url": f"/users/{BOX}/messages/{first}/$value"},
        {
            "id": "c",
            "method": "PATCH",
            "url": f"/users/{BOX}/messages/{first}",
            "body": {"isRead": True},
            "headers": {"Content-Type": "application/json"},
        },
        {"id": "d", "method": "GET", "url": f"/users/{OTHER}/messages"},
    ]
    answer = client.ask("POST", where, json={"requests": steps})
    told = {one["id"]: one for one in answer.json()["responses"]}
    assert {name: one["status"] for name, one in told.items()} == {
        "a": 200,
        "b": 200,
        "c": 200,
        "d": 403,
    }
    assert told["a"]["body"]["subject"] == "Question 1"
    assert base64.b64decode(told["b"]["body"]).endswith(raw_mail(1))
    assert client.get(f"/messages/{first}")["isRead"] is True
    many = {"requests": [steps[0]] * 21}
    assert client.refused("POST", where, json=many) == (400, "BadRequest")


def test_many_clients_at_once_lose_nothing(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(40)])
    ids = [one["id"] for one in client.inbox(top="100")]

    def answer(item: str) -> None:
        mine = Client(server)
        draft = mine.post(f"/messages/{item}/createReply", {"comment": "At nine."})
        mine.patch(
            f"/messages/{draft['id']}",
            {"singleValueExtendedProperties": [{"id": TAG, "value": item}]},
        )
        mine.post(f"/messages/{draft['id']}/send", status=202)
        mine.post(f"/messages/{item}/move", {"destinationId": "archive"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(answer, ids))
    assert len(server.posted) == len(server.lying(BOX, "Sent")) == 40
    answered = {email.message_from_bytes(raw)["In-Reply-To"] for _, raw in server.posted}
    assert len(answered) == 40
    assert len(server.lying(BOX, "Archive")) == 40
    assert server.lying(BOX, "Inbox") == server.lying(BOX, "Drafts") == []
