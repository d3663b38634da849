"""The Graph server of the tests says what the documentation of Graph says, fact by fact."""

import base64
import email
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import policy
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.raw_mail import raw_mail
from tests.servers.graph import GraphServer
from tests.servers.graph_client import BOX, IMMUTABLE, OTHER, TAG, Client

VERB = "Integer 0x1081"
SAMPLES = sorted((Path(__file__).parents[1] / "evaluation").glob("*/dev/mails/*.eml"))
SPICES = (
    b"\r\n\r\n",
    b"\x00",
    b"\xff\xfe",
    b"=?gb2312?Q?=FF=1B=5B?=",
    b"=?x?b?",
    b'Content-Type: multipart/mixed; boundary=""\r\n',
    b'Content-Type: text/plain; charset="\x00"\r\n',
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Message-ID: <>\r\n",
    b"From: (((((\r\n",
    b'To: "\\"<@>\r\n',
    b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GraphServer]:
    with GraphServer(mailboxes=(BOX, OTHER), directory=tmp_path) as server:
        server.tokens.add("token-1", mailboxes={BOX}, may_send=True)
        yield server


@pytest.fixture
def client(server: GraphServer) -> Client:
    return Client(server)


@pytest.fixture
def question(server: GraphServer, client: Client) -> str:
    """The id of a mail in the inbox."""
    server.deliver(BOX, raw_mail(1, headers="References: <root@customers.example>\n"))
    return client.first()


# Who may ask.


def test_only_a_token_that_counts_opens_anything(server: GraphServer, client: Client) -> None:
    client.get("/mailFolders")
    for header in ("", "Basic dXNlcjpwYXNz", "Bearer", "Bearer other"):
        answer = client.ask("GET", "/mailFolders", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    server.tokens.revoke("token-1")
    assert client.refused("GET", "/mailFolders") == (401, "InvalidAuthenticationToken")


def test_a_token_opens_only_its_mailboxes(server: GraphServer) -> None:
    assert Client(server, user=OTHER).refused("GET", "/messages") == (403, "ErrorAccessDenied")
    nobody = Client(server, user="nobody@office.example.com")
    assert nobody.refused("GET", "/messages") == (404, "ErrorInvalidUser")
    server.tokens.add("token-2", mailboxes={OTHER})
    assert Client(server, user=OTHER, token="token-2").get("/messages")["value"] == []


def test_a_token_without_the_right_to_send_sends_nothing(server: GraphServer) -> None:
    server.tokens.add("reader", mailboxes={BOX}, may_send=False)
    client = Client(server, token="reader")
    draft = client.post(
        "/messages", {"toRecipients": [{"emailAddress": {"address": "a@b.example"}}]}
    )
    where = f"/messages/{draft['id']}/send"
    assert client.refused("POST", where) == (403, "ErrorAccessDenied")
    assert server.posted == []
    assert len(server.lying(BOX, "Drafts")) == 1


def test_there_is_no_me_without_a_person(server: GraphServer, client: Client) -> None:
    assert client.refused("GET", f"{server.url}/v1.0/me/messages") == (400, "BadRequest")
    assert client.refused("GET", "/calendar") == (400, "BadRequest")
    assert client.refused("PATCH", "/messages", json={}) == (405, "UnsupportedMethod")


# Folders.


def test_well_known_folders_have_names_without_case(client: Client) -> None:
    known = "inbox sentitems drafts outbox deleteditems recoverableitemsdeletions msgfolderroot"
    ids = {client.get(f"/mailFolders/{name}")["id"] for name in known.split()}
    assert len(ids) == 7
    inbox = client.get("/mailFolders/inbox", select="displayName")
    assert client.get("/mailFolders/Inbox")["id"] == inbox["id"]
    assert set(inbox) == {"id", "displayName"}
    assert client.get(f"/mailFolders/{inbox['id']}")["displayName"] == "Inbox"


def test_a_folder_that_is_not_there_is_told_from_no_folder_at_all(client: Client) -> None:
    inbox = client.get("/mailFolders/inbox")["id"]
    assert client.refused("GET", f"/mailFolders/{inbox}x") == (404, "ErrorItemNotFound")
    assert client.refused("GET", "/mailFolders/Handled") == (400, "ErrorInvalidIdMalformed")


def test_folders_come_in_pages_and_hide_the_recoverable_ones(client: Client) -> None:
    for number in range(5):
        client.post("/mailFolders", {"displayName": f"Topic {number}"})
    page = client.get("/mailFolders")
    assert len(page["value"]) == 10
    rest = client.get(page["@odata.nextLink"])
    names = [one["displayName"] for one in page["value"] + rest["value"]]
    assert "@odata.nextLink" not in rest
    assert len(names) == len(set(names)) == 13
    assert "Deletions" not in names


def test_a_folder_is_made_once_and_found_by_its_name(client: Client) -> None:
    made = client.post("/mailFolders", {"displayName": "Handled"})
    again = client.refused("POST", "/mailFolders", json={"displayName": "handled"})
    assert again == (409, "ErrorFolderExists")
    found = client.get("/mailFolders", filter="displayName eq 'Handled'")["value"]
    assert [one["id"] for one in found] == [made["id"]]
    assert client.refused("POST", "/mailFolders", json={}) == (400, "ErrorInvalidProperty")
    child = client.post(f"/mailFolders/{made['id']}/childFolders", {"displayName": "Old"})
    assert child["parentFolderId"] == made["id"]
    assert client.get(f"/mailFolders/{made['id']}")["childFolderCount"] == 1


def test_a_mailbox_may_call_its_folders_otherwise(tmp_path: Path) -> None:
    names = {"sentitems": "已发送邮件"}
    with GraphServer(mailboxes=(BOX,), directory=tmp_path, display_names=names) as server:
        server.tokens.add("token-1", mailboxes={BOX})
        assert Client(server).get("/mailFolders/sentitems")["displayName"] == "已发送邮件"


# Lists.


def test_a_list_has_ten_at_a_time_and_the_newest_first(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(25)])
    page = client.get("/mailFolders/inbox/messages", select="subject", count="true")
    assert page["@odata.count"] == 25
    assert page["value"][0]["subject"] == "Question 24"
    assert set(page["value"][0]) == {"@odata.etag", "id", "subject"}
    seen = [one["subject"] for one in page["value"]]
    assert len(seen) == 10
    while "@odata.nextLink" in page:
        page = client.get(page["@odata.nextLink"])
        seen += [one["subject"] for one in page["value"]]
    assert seen == [f"Question {number}" for number in reversed(range(25))]


def test_the_order_must_lead_the_filter(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(3)])
    where = "/mailFolders/inbox/messages"
    late = {"$orderby": "receivedDateTime", "$filter": "isRead eq false"}
    assert client.refused("GET", where, params=late) == (400, "InefficientFilter")
    wrong = late | {"$filter": "isRead eq false and receivedDateTime ge 2020-01-01T00:00:00Z"}
    assert client.refused("GET", where, params=wrong) == (400, "InefficientFilter")
    right = "receivedDateTime ge 2020-01-01T00:00:00Z and isRead eq false"
    found = client.inbox(filter=right, orderby="receivedDateTime")
    assert [one["subject"] for one in found] == ["Question 0", "Question 1", "Question 2"]
    assert len(client.inbox(orderby="receivedDateTime desc")) == 3


def test_filters_find_by_moment_message_id_and_conversation(
    server: GraphServer, client: Client
) -> None:
    old = datetime.now(UTC) - timedelta(days=30)
    server.deliver(BOX, raw_mail(1), received=old)
    server.deliver(BOX, raw_mail(2))
    server.deliver(BOX, raw_mail(3, headers="In-Reply-To: <question-2@customers.example>\n"))
    since = (old + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = client.inbox(filter=f"receivedDateTime ge {since}", orderby="receivedDateTime")
    assert [one["subject"] for one in found] == ["Question 2", "Question 3"]
    [two] = client.inbox(filter="internetMessageId eq '<question-2@customers.example>'")
    talk = client.inbox(filter=f"conversationId eq '{two['conversationId']}'")
    assert {one["subject"] for one in talk} == {"Question 2", "Question 3"}
    either = "subject eq 'Question 1' or (startswith(subject,'quest') and not isRead eq false)"
    assert [one["subject"] for one in client.inbox(filter=either)] == ["Question 1"]
    sender = "from/emailAddress/address eq 'customer3@customers.example'"
    assert [one["subject"] for one in client.inbox(filter=sender)] == ["Question 3"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"$select": "subject,size"}, "RequestBroker--ParseUri"),
        ({"$select": "@removed"}, "RequestBroker--ParseUri"),
        ({"$filter": "colour eq 'red'"}, "RequestBroker--ParseUri"),
        ({"$filter": "subject eq"}, "ErrorInvalidUrlQueryFilter"),
        ({"$filter": "subject is 'red'"}, "ErrorInvalidUrlQueryFilter"),
        ({"$filter": "receivedDateTime ge '2026-01-01'"}, "ErrorInvalidUrlQueryFilter"),
        ({"$filter": "receivedDateTime ge 2026-13-01T00:00:00Z"}, "ErrorInvalidUrlQueryFilter"),
        ({"$filter": "isRead eq 'true'"}, "ErrorInvalidUrlQueryFilter"),
        ({"$filter": "internetMessageHeaders eq 'x'"}, "ErrorInvalidUrlQueryFilter"),
        ({"$orderby": "body"}, "RequestBroker--ParseUri"),
        ({"$top": "0"}, "ErrorInvalidUrlQuery"),
        ({"$top": "1001"}, "ErrorInvalidUrlQuery"),
        ({"$skip": "-1"}, "ErrorInvalidUrlQuery"),
        ({"$search": '"red"'}, "ErrorInvalidUrlQuery"),
        ({"select": "subject"}, "ErrorInvalidUrlQuery"),
        ({"$expand": "singleValueExtendedProperties"}, "RequestBroker--ParseUri"),
        (
            {"$expand": "singleValueExtendedProperties($filter=id eq 'Text 0x1081')"},
            "ErrorInvalidExtendedProperty",
        ),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    client: Client, options: dict[str, str], code: str
) -> None:
    assert client.refused("GET", "/mailFolders/inbox/messages", params=options) == (400, code)


# One message.


def test_a_delivered_mail_keeps_its_bytes_under_one_received_line(
    server: GraphServer, client: Client, question: str
) -> None:
    answer = client.ask("GET", f"/messages/{question}/$value")
    raw = raw_mail(1, headers="References: <root@customers.example>\n")
    assert answer.content.endswith(raw)
    trace = answer.content.removesuffix(raw)
    assert trace.startswith(b"Received: ")
    assert trace.count(b"\r\n") == 2
    assert server.lying(BOX, "Inbox") == [raw]
    server.deliver(BOX, raw)
    twice = [client.ask("GET", f"/messages/{one['id']}/$value").content for one in client.inbox()]
    assert len(set(twice)) == 2


def test_every_mail_comes_later_than_the_one_before(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(number) for number in range(200)])
    shown = client.inbox(top="1000", orderby="receivedDateTime", select="receivedDateTime,subject")
    assert all(
        one["receivedDateTime"] < other["receivedDateTime"] for one, other in pairwise(shown)
    )
    assert shown[7]["subject"] == "Question 7"


def test_mails_of_one_second_may_tie(server: GraphServer, client: Client) -> None:
    server.let_mails_tie(BOX)
    server.deliver_many(BOX, [raw_mail(number) for number in range(200)])
    shown = client.inbox(top="1000", orderby="receivedDateTime", select="receivedDateTime,subject")
    assert len({one["receivedDateTime"] for one in shown}) < 200
    assert [one["subject"] for one in shown] == [f"Question {number}" for number in range(200)]


def test_headers_are_given_only_to_those_who_select_them(client: Client, question: str) -> None:
    whole = client.get(f"/messages/{question}")
    assert "internetMessageHeaders" not in whole
    assert "uniqueBody" not in whole
    assert whole["from"]["emailAddress"]["address"] == "customer1@customers.example"
    selected = client.get(f"/messages/{question}", select="internetMessageHeaders")
    headers = [(one["name"], one["value"]) for one in selected["internetMessageHeaders"]]
    assert headers[0][0] == "Received"
    assert ("References", "<root@customers.example>") in headers


def test_the_body_is_html_unless_text_is_preferred(client: Client, question: str) -> None:
    assert client.get(f"/messages/{question}")["body"]["contentType"] == "html"
    prefer = {"Prefer": f'{IMMUTABLE}, outlook.body-content-type="text"'}
    answer = client.ask("GET", f"/messages/{question}", headers=prefer).json()
    assert answer["body"]["contentType"] == "text"
    assert answer["body"]["content"].startswith("Hello,\r\n\r\nwhat are your opening hours")


def test_an_id_that_never_was_one_is_told_from_one_that_is_gone(
    server: GraphServer, client: Client, question: str
) -> None:
    assert client.refused("GET", "/messages/none") == (400, "ErrorInvalidIdMalformed")
    assert client.refused("GET", "/messages/AAkALg!!") == (400, "ErrorInvalidIdMalformed")
    assert client.get(f"/mailFolders/inbox/messages/{question}")["id"] == question
    elsewhere = f"/mailFolders/drafts/messages/{question}"
    assert client.refused("GET", elsewhere) == (404, "ErrorItemNotFound")
    client.ask("POST", f"/messages/{question}/permanentDelete")
    assert client.refused("GET", f"/messages/{question}") == (404, "ErrorItemNotFound")


def test_ids_change_with_the_folder_unless_they_are_immutable(
    server: GraphServer, client: Client, question: str
) -> None:
    plain = {"Prefer": "odata.maxpagesize=5"}
    [listed] = client.ask("GET", "/mailFolders/inbox/messages", headers=plain).json()["value"]
    assert listed["id"] != question
    moved = client.ask(
        "POST",
        f"/messages/{listed['id']}/move",
        json={"destinationId": "archive"},
        headers=plain,
    )
    assert moved.status_code == 201
    assert moved.json()["id"] not in {listed["id"], question}
    assert client.refused("GET", f"/messages/{listed['id']}") == (404, "ErrorItemNotFound")
    back = client.post(f"/messages/{question}/move", {"destinationId": "inbox"})
    assert back["id"] == question
    assert client.get(f"/messages/{question}")["id"] == question


def test_what_may_be_written_on_a_mail_that_came(
    server: GraphServer, client: Client, question: str
) -> None:
    changed = client.patch(
        f"/messages/{question}",
        {
            "isRead": True,
            "categories": ["Answered"],
            "singleValueExtendedProperties": [{"id": VERB, "value": "102"}],
        },
    )
    assert changed["isRead"] is True
    assert changed["categories"] == ["Answered"]
    assert "singleValueExtendedProperties" not in changed
    assert client.tag_of(question, VERB) == "102"
    for name, value in {
        "subject": "Other",
        "body": {"contentType": "text", "content": "x"},
        "toRecipients": [],
        "from": None,
        "internetMessageId": "<x@y.example>",
        "receivedDateTime": "2026-01-01T00:00:00Z",
        "isDraft": True,
        "internetMessageHeaders": [{"name": "x-a", "value": "b"}],
    }.items():
        refused = client.refused("PATCH", f"/messages/{question}", json={name: value})
        assert refused == (400, "ErrorInvalidPropertySet"), name


@pytest.mark.parametrize(
    "content",
    [
        {"colour": "red"},
        {"isRead": "true"},
        {"categories": "Answered"},
        {"singleValueExtendedProperties": [{"id": VERB, "value": 102}]},
        {"singleValueExtendedProperties": [{"id": VERB, "value": "x"}]},
        {"singleValueExtendedProperties": [{"id": "0x1081", "value": "102"}]},
        {"singleValueExtendedProperties": {"id": VERB, "value": "102"}},
        {"singleValueExtendedProperties": [{"id": "Integer 0x0E08", "value": "1"}]},
    ],
)
def test_what_is_of_the_wrong_kind_is_refused_whole(
    client: Client, question: str, content: dict[str, Any]
) -> None:
    before = client.get(f"/messages/{question}")["changeKey"]
    answer = client.ask("PATCH", f"/messages/{question}", json={"isRead": True} | content)
    assert answer.status_code == 400
    after = client.get(f"/messages/{question}")
    assert (after["isRead"], after["changeKey"]) == (False, before)


def test_a_body_that_is_no_json_is_refused(client: Client, question: str) -> None:
    where = f"/messages/{question}"
    assert client.refused("PATCH", where) == (400, "BadRequest")
    for content in (b"{", b"[]", b'"x"'):
        more = {"data": content, "headers": {"Content-Type": "application/json"}}
        assert client.refused("PATCH", where, **more) == (400, "BadRequest")
    plain = {"data": b"{}", "headers": {"Content-Type": "text/html"}}
    assert client.refused("PATCH", where, **plain) == (400, "BadRequest")
    big = {"data": b" " * (4 * 1024 * 1024 + 1), "headers": {"Content-Type": "application/json"}}
    assert client.refused("PATCH", where, **big) == (413, "RequestEntityTooLarge")


def test_a_change_key_that_is_stale_stops_a_write(client: Client, question: str) -> None:
    etag = client.get(f"/messages/{question}")["@odata.etag"]
    for status in (200, 412):
        answer = client.ask(
            "PATCH", f"/messages/{question}", json={"isRead": True}, headers={"If-Match": etag}
        )
        assert answer.status_code == status
        refused = answer.json().get("error", {"code": ""})
        assert refused["code"] == ("" if status == 200 else "ErrorIrresolvableConflict")


def test_deleting_puts_a_mail_where_only_recovery_sees_it(
    server: GraphServer, client: Client, question: str
) -> None:
    assert client.ask("DELETE", f"/messages/{question}").status_code == 204
    assert client.inbox() == client.get("/messages")["value"] == []
    deletions = "/mailFolders/recoverableitemsdeletions/messages"
    assert [one["id"] for one in client.get(deletions)["value"]] == [question]
    assert client.refused("DELETE", f"/messages/{question}") == (400, "ErrorCannotDeleteObject")
    assert client.ask("POST", f"/messages/{question}/permanentDelete").status_code == 204
    assert client.get(deletions)["value"] == []
    again = client.refused("POST", f"/messages/{question}/permanentDelete")
    assert again == (404, "ErrorItemNotFound")


def test_moving_needs_a_folder_that_is_there(client: Client, question: str) -> None:
    where = f"/messages/{question}/move"
    assert client.refused("POST", where, json={}) == (400, "RequestBodyRead")
    handled = {"destinationId": "Handled"}
    assert client.refused("POST", where, json=handled) == (400, "ErrorInvalidIdMalformed")
    folder = client.post("/mailFolders", {"displayName": "Handled"})
    client.post(where, {"destinationId": folder["id"]})
    moved = client.get(f"/mailFolders/{folder['id']}/messages")["value"]
    assert [one["id"] for one in moved] == [question]


# Extended properties.


def test_extended_properties_are_found_by_value_whatever_its_case(
    server: GraphServer, client: Client
) -> None:
    for number in range(3):
        extended = [{"id": TAG, "value": f"<Reply-{number}@office.example>"}]
        client.post("/mailFolders/drafts/messages", {"singleValueExtendedProperties": extended})

    def find(name: str, test: str) -> int:
        told = f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and {test})"
        return len(client.get("/mailFolders/drafts/messages", filter=told)["value"])

    assert find(TAG, "ep/value eq '<reply-1@office.example>'") == 1
    assert find(TAG.replace("6d2f", "6D2F"), "ep/value eq '<Reply-1@office.example>'") == 1
    assert find(TAG.upper(), "ep/value eq '<Reply-1@office.example>'") == 0
    assert find(TAG, "startswith(ep/value, '<reply-')") == 3
    assert find(TAG, "ep/value ne '<reply-1@office.example>'") == 2
    assert find(TAG, "ep/value eq 'none'") == 0


def test_a_numeric_property_is_compared_by_a_cast(
    server: GraphServer, client: Client, question: str
) -> None:
    server.mark_replied(BOX, "question-1@customers.example")
    assert client.tag_of(question, "integer 0X1081") == "102"
    told = "singleValueExtendedProperties/Any(ep: ep/id eq 'Integer 0x1081' and {})"
    cast = told.format("cast(ep/value, Edm.Int32) eq 102")
    assert [one["id"] for one in client.inbox(filter=cast)] == [question]
    assert client.inbox(filter=told.format("cast(ep/value, Edm.Int32) gt 102")) == []
    where, bare = "/mailFolders/inbox/messages", {"$filter": told.format("ep/value eq '102'")}
    assert client.refused("GET", where, params=bare) == (400, "ErrorInvalidUrlQueryFilter")


def test_the_store_makes_some_properties_itself(client: Client, question: str) -> None:
    size = len(client.ask("GET", f"/messages/{question}/$value").content)
    assert client.tag_of(question, "Integer 0x0E08") == str(size)
    assert client.tag_of(question, "String 0x1039") == "<root@customers.example>"
    assert client.tag_of(question, "String 0x1035") == "<question-1@customers.example>"
    assert str(client.tag_of(question, "String 0x007D")).startswith("Received: from ")
    several = f"id eq '{TAG}' or id eq 'String 0x1035' or id eq 'Integer 0x0e08'"
    expand = f"singleValueExtendedProperties($filter={several})"
    [mail] = client.inbox(expand=expand)
    assert [one["id"] for one in mail["singleValueExtendedProperties"]] == [
        "String 0x1035",
        "Integer 0x0e08",
    ]


# Drafts.


def test_a_draft_is_made_of_json(server: GraphServer, client: Client) -> None:
    draft = client.post(
        "/mailFolders/drafts/messages",
        {
            "subject": "回复：营业时间",
            "body": {"contentType": "text", "content": "你好，\n\n周六九点开门。\n"},
            "toRecipients": [{"emailAddress": {"address": "ann@customers.example", "name": "安"}}],
            "internetMessageId": "<reply-1@office.example>",
            "internetMessageHeaders": [{"name": "X-Loop", "value": "office"}],
            "singleValueExtendedProperties": [{"id": TAG, "value": "<reply-1@office.example>"}],
        },
    )
    assert (draft["isDraft"], draft["isRead"]) == (True, True)
    [raw] = server.lying(BOX, "Drafts")
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert mail["Message-ID"] == "<reply-1@office.example>"
    assert mail["Subject"] == "回复：营业时间"
    assert mail["To"] == "安 <ann@customers.example>"
    assert mail["From"] == "info <info@office.example.com>"
    assert mail["X-Loop"] == "office"
    assert mail.get_content() == "你好，\r\n\r\n周六九点开门。\r\n"
    assert raw == client.ask("GET", f"/messages/{draft['id']}/$value").content


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "InvalidInternetMessageHeaderCollection"),
        (
            [{"name": f"x-{number}", "value": "y"} for number in range(6)],
            "InvalidInternetMessageHeaderCollection",
        ),
        ([{"name": "Auto-Submitted", "value": "auto-replied"}], "InvalidInternetMessageHeader"),
        ([{"name": "In-Reply-To", "value": "<a@b.example>"}], "InvalidInternetMessageHeader"),
        ([{"name": "x-a b", "value": "c"}], "InvalidInternetMessageHeader"),
        ([{"name": "x-a", "value": 1}], "RequestBodyRead"),
        ([{"name": "x-a"}], "RequestBodyRead"),
    ],
)
def test_headers_are_x_headers_and_five_at_most(
    server: GraphServer, client: Client, headers: list[Any], code: str
) -> None:
    content = {"internetMessageHeaders": headers}
    assert client.refused("POST", "/messages", json=content) == (400, code)
    assert server.lying(BOX, "Drafts") == []


def test_headers_beyond_that_leave_as_named_properties(server: GraphServer, client: Client) -> None:
    header = "String {00020386-0000-0000-C000-000000000046} Name"
    content = {
        "toRecipients": [{"emailAddress": {"address": "ann@customers.example"}}],
        "singleValueExtendedProperties": [
            {"id": f"{header} Auto-Submitted", "value": "auto-replied"},
            {"id": f"{header} Subject", "value": "Another"},
            {"id": "String 0x1042", "value": "<question@customers.example>"},
        ],
    }
    for named in (True, False):
        server.departures.named_headers = named
        draft = client.post("/messages", content)
        client.post(f"/messages/{draft['id']}/send", status=202)
    first, second = (email.message_from_bytes(raw) for _, raw in server.posted)
    assert first["Auto-Submitted"] == "auto-replied"
    assert first.get_all("Subject") == [""]
    assert first["In-Reply-To"] == second["In-Reply-To"] == "<question@customers.example>"
    assert "Auto-Submitted" not in second


def test_a_note_that_is_no_draft_is_made_with_its_flags(
    server: GraphServer, client: Client
) -> None:
    folder = client.post("/mailFolders", {"displayName": "Appliance"})["id"]
    note = {
        "subject": "Claimed",
        "singleValueExtendedProperties": [{"id": "Integer 0x0E07", "value": "1"}],
    }
    made = client.post(f"/mailFolders/{folder}/messages", note)
    assert made["isDraft"] is False
    assert client.refused("POST", f"/messages/{made['id']}/send") == (404, "ErrorItemNotFound")


def test_a_draft_is_made_of_mime(server: GraphServer, client: Client) -> None:
    raw = (
        b"From: info@office.example.com\r\nTo: ann@customers.example\r\nSubject: Re: Hours\r\n"
        b"Message-ID: <reply-9@office.example>\r\nIn-Reply-To: <q@customers.example>\r\n"
        b"References: <a@customers.example> <q@customers.example>\r\nX-Loop: office\r\n"
        b"Auto-Submitted: auto-replied\r\n\r\nWe open at nine.\r\n"
    )
    plain = {"Content-Type": "text/plain"}
    made = client.ask("POST", "/messages", data=base64.b64encode(raw), headers=plain)
    assert made.status_code == 201
    client.post(f"/messages/{made.json()['id']}/send", status=202)
    [(recipients, sent)] = server.posted
    mail = email.message_from_bytes(sent)
    assert recipients == ("ann@customers.example",)
    assert mail["Message-ID"] == "<reply-9@office.example>"
    assert mail["References"] == "<a@customers.example> <q@customers.example>"
    assert mail["X-Loop"] == "office"
    assert "Auto-Submitted" not in mail
    refused = client.refused("POST", "/messages", data=b"no base64!", headers=plain)
    assert refused == (400, "ErrorMimeContentInvalidBase64String")


def test_an_answer_is_threaded_and_quotes(
    server: GraphServer, client: Client, question: str
) -> None:
    asked = client.get(f"/messages/{question}")
    draft = client.post(f"/messages/{question}/createReply", {"comment": "At <nine>."})
    assert draft["subject"] == "RE: Question 1"
    assert draft["conversationId"] == asked["conversationId"]
    assert [one["emailAddress"]["address"] for one in draft["toRecipients"]] == [
        "customer1@customers.example"
    ]
    content = draft["body"]["content"]
    assert content.index("At &lt;nine&gt;.") < content.index("divRplyFwdMsg")
    assert content.index("divRplyFwdMsg") < content.index("what are your opening hours")
    [raw] = server.lying(BOX, "Drafts")
    mail = email.message_from_bytes(raw)
    assert mail["In-Reply-To"] == "<question-1@customers.example>"
    assert mail["References"] == "<root@customers.example> <question-1@customers.example>"
    assert draft["internetMessageId"] == mail["Message-ID"]


def test_an_answer_takes_what_the_message_says(
    server: GraphServer, client: Client, question: str
) -> None:
    where = f"/messages/{question}/createReply"
    body = {"contentType": "text", "content": "At nine.\n"}
    both = {"comment": "x", "message": {"body": body}}
    assert client.refused("POST", where, json=both) == (400, "BadRequest")
    assert client.refused("POST", where, json={"Message": {}}) == (400, "RequestBodyRead")
    assert client.refused("POST", where, json={"message": {"id": "x"}})[0] == 400
    message = {
        "body": body,
        "toRecipients": [{"emailAddress": {"address": "desk@customers.example"}}],
        "internetMessageHeaders": [{"name": "X-Loop", "value": "office"}],
        "singleValueExtendedProperties": [{"id": TAG, "value": "r"}],
    }
    draft = client.post(where, {"message": message})
    assert client.tag_of(draft["id"]) == "r"
    client.patch(f"/messages/{draft['id']}", {"subject": "Re: Question 1"})
    [raw] = server.lying(BOX, "Drafts")
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert (mail["To"], mail["X-Loop"]) == ("desk@customers.example", "office")
    assert (mail["Subject"], mail.get_content()) == ("Re: Question 1", "At nine.\r\n")
    assert mail.get_content_type() == "text/plain"


def test_the_answer_goes_where_the_mail_wants_it(server: GraphServer, client: Client) -> None:
    server.deliver(BOX, raw_mail(1, headers="Reply-To: desk@customers.example\n"))
    draft = client.post(f"/messages/{client.first()}/createReply")
    [to] = draft["toRecipients"]
    assert to["emailAddress"]["address"] == "desk@customers.example"


# Sending.


def draft_of(client: Client, question: str) -> str:
    draft = client.post(
        f"/messages/{question}/createReply",
        {
            "message": {
                "body": {"contentType": "text", "content": "At nine.\n"},
                "bccRecipients": [{"emailAddress": {"address": "log@office.example.com"}}],
                "singleValueExtendedProperties": [{"id": TAG, "value": "r"}],
            }
        },
    )
    client.patch(f"/messages/{draft['id']}", {"internetMessageId": "<r@office.example>"})
    return str(draft["id"])


def test_a_sent_draft_becomes_the_copy_in_sent_items(
    server: GraphServer, client: Client, question: str
) -> None:
    draft = draft_of(client, question)
    answer = client.ask("POST", f"/messages/{draft}/send")
    assert (answer.status_code, answer.content) == (202, b"")
    [(recipients, raw)] = server.posted
    assert recipients == ("customer1@customers.example", "log@office.example.com")
    assert b"log@office" not in raw
    copy = client.get(f"/messages/{draft}")
    assert copy["parentFolderId"] == client.get("/mailFolders/sentitems")["id"]
    assert (copy["isDraft"], copy["internetMessageId"]) == (False, "<r@office.example>")
    assert client.tag_of(draft) == "r"
    assert server.lying(BOX, "Drafts") == server.lying(BOX, "Outbox") == []
    [kept] = server.lying(BOX, "Sent")
    assert b"Bcc: log@office.example.com\r\n" in kept
    assert kept.replace(b"Bcc: log@office.example.com\r\n", b"") == raw


def test_nothing_is_sent_twice(server: GraphServer, client: Client, question: str) -> None:
    plain = {"Prefer": "odata.maxpagesize=5"}
    draft = draft_of(client, question)
    regular = client.ask("GET", f"/messages/{draft}", headers=plain).json()["id"]
    client.post(f"/messages/{draft}/send", status=202)
    for one in (draft, regular):
        assert client.refused("POST", f"/messages/{one}/send") == (404, "ErrorItemNotFound")
    assert len(server.posted) == 1


def test_of_two_sends_at_once_one_is_refused(
    server: GraphServer, client: Client, question: str
) -> None:
    draft = draft_of(client, question)

    def send(_: int) -> int:
        return Client(server).ask("POST", f"/messages/{draft}/send").status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(send, range(4)))
    assert statuses == [202, 404, 404, 404]
    assert len(server.posted) == 1


def test_a_mail_waits_in_the_outbox_for_as_long_as_it_is_held(
    server: GraphServer, client: Client, question: str
) -> None:
    draft = draft_of(client, question)
    server.hold_outbox()
    client.post(f"/messages/{draft}/send", status=202)
    assert server.posted == []
    [waiting] = client.get("/mailFolders/outbox/messages")["value"]
    assert waiting["id"] == draft
    assert client.get("/mailFolders/drafts/messages")["value"] == []
    assert client.get("/mailFolders/sentitems/messages")["value"] == []
    assert client.refused("POST", f"/messages/{draft}/send") == (404, "ErrorItemNotFound")
    server.release_outbox()
    assert len(server.posted) == 1
    assert [one["id"] for one in client.get("/mailFolders/sentitems/messages")["value"]] == [draft]


def test_a_moment_in_the_outbox_ends_by_itself(
    server: GraphServer, client: Client, question: str
) -> None:
    server.departures.outbox_seconds = 0.01
    draft = draft_of(client, question)
    client.post(f"/messages/{draft}/send", status=202)
    server.wait_posted(1)
    assert len(server.lying(BOX, "Sent")) == 1


def test_what_is_taken_out_of_the_outbox_does_not_leave(
    server: GraphServer, client: Client, question: str
) -> None:
    server.hold_outbox()
    client.post(f"/messages/{draft_of(client, question)}/send", status=202)
    server.move(BOX, "<r@office.example>", "Drafts")
    server.release_outbox()
    assert server.posted == []
    assert len(server.lying(BOX, "Drafts")) == 1


def test_a_sent_copy_may_have_another_id_and_message_id(
    server: GraphServer, client: Client, question: str
) -> None:
    server.departures.keeps_id = server.departures.keeps_message_id = False
    draft = draft_of(client, question)
    client.post(f"/messages/{draft}/send", status=202)
    assert client.refused("GET", f"/messages/{draft}") == (404, "ErrorItemNotFound")
    [copy] = client.get("/mailFolders/sentitems/messages")["value"]
    assert copy["internetMessageId"] != "<r@office.example>"
    assert client.tag_of(copy["id"]) == "r"


def test_a_draft_without_a_good_recipient_is_not_sent(server: GraphServer, client: Client) -> None:
    for people in ([], [{"emailAddress": {"address": "nobody"}}]):
        draft = client.post("/messages", {"toRecipients": people})
        refused = client.refused("POST", f"/messages/{draft['id']}/send")
        assert refused == (400, "ErrorInvalidRecipients")
    assert len(server.lying(BOX, "Drafts")) == 2


def test_nobody_sends_as_somebody_else(server: GraphServer, client: Client, question: str) -> None:
    draft = draft_of(client, question)
    sender = {"emailAddress": {"address": "boss@office.example.com", "name": "Boss"}}
    client.patch(f"/messages/{draft}", {"from": sender, "sender": sender})
    assert client.refused("POST", f"/messages/{draft}/send") == (403, "ErrorSendAsDenied")
    server.allow_sending_as(BOX, "boss@office.example.com")
    client.post(f"/messages/{draft}/send", status=202)
    assert b"From: Boss <boss@office.example.com>\r\n" in server.posted[0][1]


def test_headers_of_sent_mail_are_only_in_its_mime(
    server: GraphServer, client: Client, question: str
) -> None:
    draft = draft_of(client, question)
    client.post(f"/messages/{draft}/send", status=202)
    server.person_sends(BOX, raw_mail(5))
    for one in client.get("/mailFolders/sentitems/messages", select="internetMessageHeaders")[
        "value"
    ]:
        assert "internetMessageHeaders" not in one
    assert b"In-Reply-To: " in client.ask("GET", f"/messages/{draft}/$value").content
    assert server.lying(BOX, "Sent")[1] == raw_mail(5)
    assert len(server.posted) == 1


def test_what_goes_to_a_mailbox_of_the_server_arrives_there(
    server: GraphServer, client: Client
) -> None:
    people = [{"emailAddress": {"address": OTHER}}]
    draft = client.post("/messages", {"subject": "Hello", "toRecipients": people})
    client.post(f"/messages/{draft['id']}/send", status=202)
    assert server.lying(OTHER, "Inbox") == [server.posted[0][1]]


# What people do.


def test_people_move_edit_delete_and_send(server: GraphServer, client: Client) -> None:
    server.deliver_many(BOX, [raw_mail(1), raw_mail(2), raw_mail(3)])
    server.create_folder(BOX, "Handled")
    server.move(BOX, "question-1@customers.example", "Handled")
    server.delete(BOX, "question-2@customers.example")
    server.delete(BOX, "question-3@customers.example", for_good=True)
    assert server.lying(BOX, "Handled") == [raw_mail(1)]
    assert server.lying(BOX, "Deleted") == [raw_mail(2)]
    assert server.lying(BOX, "Recoverable") == [raw_mail(3)]
    assert server.lying(BOX, "Held") == server.lying(BOX, "Inbox") == []
    people = [{"emailAddress": {"address": "ann@customers.example"}}]
    draft = client.post("/messages", {"toRecipients": people, "internetMessageId": "<r@o.example>"})
    server.edit(BOX, "<r@o.example>", subject="Mine", text="My words.\n")
    assert client.get(f"/messages/{draft['id']}")["changeKey"] != draft["changeKey"]
    server.send_draft(BOX, "<r@o.example>")
    [(_, raw)] = server.posted
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert (mail["Subject"], mail.get_content()) == ("Mine", "My words.\r\n")


def test_any_mail_can_be_delivered_read_and_answered(server: GraphServer, client: Client) -> None:
    random = Random(20_261_101)
    raws = [path.read_bytes() for path in SAMPLES]
    assert raws
    for _ in range(60):
        raw, place = random.choice(raws), random.randrange(600)
        raws.append(raw[:place] + random.choice(SPICES) + raw[place:])
    server.deliver_many(BOX, raws)
    assert server.lying(BOX, "Inbox") == raws
    page = client.get("/mailFolders/inbox/messages", top="1000")
    for one in page["value"]:
        client.get(f"/messages/{one['id']}", select="internetMessageHeaders,body,bodyPreview")
        client.post(f"/messages/{one['id']}/createReply")
    assert len(page["value"]) == len(server.lying(BOX, "Drafts")) == len(raws)
