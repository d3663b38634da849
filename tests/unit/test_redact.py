"""What a transcript keeps of an exchange with a mail service: its shape, and nothing personal."""

import json
import re
import string
from base64 import b64encode
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mailbox.mailstore import PROPERTY_SET, Tag
from appliance.mailbox.redact import (
    Placeholders,
    header_value,
    mime_shape,
    redacted_headers,
    redacted_property,
    redacted_url,
)
from appliance.mailbox.redact_json import redacted_json
from appliance.mailbox.redact_xml import redacted_xml

ROSA = "rosa.told@northgate.example"
TYPES = 'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
MESSAGES = 'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
SOAP = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
ANSWER = f"""<?xml version="1.0" encoding="utf-8"?>
<s:Envelope {SOAP}><s:Header><t:ServerVersionInfo MajorVersion="15" MinorVersion="2"
 MajorBuildNumber="1544" MinorBuildNumber="4" Version="V2017_07_11" {TYPES}/></s:Header>
<s:Body {MESSAGES} {TYPES}><m:GetItemResponse><m:ResponseMessages>
<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
<m:Items><t:Message><t:ItemId Id="AAMkCANARY" ChangeKey="CQCANARY"/>
<t:ParentFolderId Id="AAMkFOLDER" ChangeKey="CQCANARY"/>
<t:Subject>Boiler of CANARY</t:Subject><t:Size>20481</t:Size><t:IsRead>false</t:IsRead>
<t:DateTimeReceived>2026-11-25T08:41:02.123456789Z</t:DateTimeReceived>
<t:InternetMessageHeaders><t:InternetMessageHeader HeaderName="Auto-Submitted">no CANARY
</t:InternetMessageHeader></t:InternetMessageHeaders>
<t:From><t:Mailbox><t:Name>CANARY Told</t:Name><t:EmailAddress>{ROSA}</t:EmailAddress></t:Mailbox></t:From>
<t:Sender><t:Mailbox><t:EmailAddress>{ROSA.upper()}</t:EmailAddress></t:Mailbox></t:Sender>
<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="{PROPERTY_SET}"
 PropertyName="{Tag.REPLY.value}" PropertyType="String"/><t:Value>CANARY@x.example</t:Value>
</t:ExtendedProperty><t:Body BodyType="HTML">&lt;p&gt;CANARY&lt;/p&gt;</t:Body>
</t:Message></m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse></s:Body>
</s:Envelope>"""


def test_an_answer_of_ews_keeps_codes_flags_sizes_and_header_names() -> None:
    shown = redacted_xml(ANSWER.encode(), Placeholders())
    for kept in (
        "<m:ResponseCode>NoError</m:ResponseCode>",
        'ResponseClass="Success"',
        'MajorBuildNumber="1544"',
        'Version="V2017_07_11"',
        "<t:Size>20481</t:Size>",
        "<t:IsRead>false</t:IsRead>",
        'HeaderName="Auto-Submitted"',
        f'PropertyName="{Tag.REPLY.value}"',
        "<t:DateTimeReceived>0000-00-00T00:00:00.000000000Z</t:DateTimeReceived>",
        '<t:ItemId Id="id-1" ChangeKey="id-2"></t:ItemId>',
        '<t:ParentFolderId Id="id-3" ChangeKey="id-2"></t:ParentFolderId>',
        "<t:Subject>text-16-chars</t:Subject>",
        'BodyType="HTML">text-13-chars</t:Body>',
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"',
    ):
        assert kept in shown
    assert shown.count("<t:EmailAddress>address-1</t:EmailAddress>") == 2
    assert "CANARY" not in shown
    assert "northgate" not in shown.lower()


def test_several_documents_of_a_stream_are_all_kept() -> None:
    shown = redacted_xml((ANSWER + ANSWER).encode(), Placeholders())
    assert shown.count("<m:ResponseCode>NoError</m:ResponseCode>") == 2
    assert "CANARY" not in shown


def test_a_cut_document_becomes_its_size() -> None:
    assert redacted_xml(ANSWER.encode()[:900], Placeholders()) == "no XML, 900 bytes"


def test_nothing_is_expanded_or_fetched() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "CANARY"><!ENTITY c SYSTEM "file:///etc/hostname">]><a>&b;</a>'
    assert redacted_xml(bomb, Placeholders()) == f"no XML, {len(bomb)} bytes"
    deep = b"<a>" * 5000 + b"</a>" * 5000
    assert redacted_xml(deep, Placeholders()) == f"no XML, {len(deep)} bytes"


def test_a_mail_keeps_its_size_and_the_names_of_its_headers() -> None:
    raw = b"Received: by CANARY\r\nReceived: CANARY\r\nSubject: CANARY\r\n\r\nCANARY: text\r\n"
    wanted = f"mail-{len(raw)}-bytes (Received Received Subject)"
    assert mime_shape(raw) == wanted
    assert mime_shape(b64encode(raw)) == wanted
    item = b"<MimeContent>" + b64encode(raw) + b"</MimeContent>"
    assert redacted_xml(item, Placeholders()) == f"<MimeContent>{wanted}</MimeContent>"


GRAPH: dict[str, Any] = {
    "@odata.context": f"https://graph.microsoft.com/v1.0/$metadata#users('{quote(ROSA)}')/messages",
    "@odata.nextLink": "https://graph.microsoft.com/v1.0/users/"
    f"{quote(ROSA)}/messages?$top=10&$skiptoken=CANARY&$select=id,subject",
    "value": [
        {
            "@odata.etag": 'W/"CANARY"',
            "id": "AAMkCANARY",
            "parentFolderId": "AAMkFOLDER",
            "subject": "CANARY",
            "isRead": True,
            "size": 2048,
            "receivedDateTime": "2026-11-25T08:41:02Z",
            "importance": "normal",
            "body": {"contentType": "html", "content": "<p>CANARY</p>"},
            "from": {"emailAddress": {"name": "CANARY", "address": ROSA}},
            "internetMessageHeaders": [{"name": "List-Id", "value": "CANARY"}],
            "singleValueExtendedProperties": [
                {"id": f"String {{{PROPERTY_SET}}} Name {Tag.ORIGIN.value}", "value": "CANARY"},
                {"id": "String {CANARY} Name CANARY", "value": None},
            ],
            "phone": 4930123456,
        },
        {"id": "AAMkCANARY", "parentFolderId": None},
    ],
    "error": {"code": "ErrorAccessDenied", "message": "CANARY has no access"},
    "responses": [{"id": "1", "status": 429, "headers": {"Retry-After": "12", "X-Who": ROSA}}],
}


def test_an_answer_of_graph_keeps_keys_codes_flags_and_sizes() -> None:
    shown = redacted_json(json.dumps(GRAPH).encode(), Placeholders())
    tree = json.loads(shown)
    first, second = tree["value"]
    assert (first["isRead"], first["size"], first["importance"]) == (True, 2048, "normal")
    assert first["id"] == second["id"]
    assert first["id"] != first["parentFolderId"]
    assert first["body"] == {"contentType": "html", "content": "text-13-chars"}
    assert first["from"]["emailAddress"]["address"] == "address-1"
    assert first["internetMessageHeaders"] == [{"name": "List-Id", "value": "text-6-chars"}]
    assert first["receivedDateTime"] == "0000-00-00T00:00:00Z"
    ours, theirs = first["singleValueExtendedProperties"]
    assert Tag.ORIGIN.value in ours["id"]
    assert theirs == {"id": "text-27-chars", "value": None}
    assert first["phone"] == "number-10-chars"
    assert tree["error"]["code"] == "ErrorAccessDenied"
    assert tree["responses"][0]["headers"] == {"Retry-After": "12", "X-Who": "address-1"}
    assert tree["@odata.nextLink"].startswith(
        "https://graph.microsoft.com/v1.0/users/address-1/messages?$top=10&$skiptoken=id-"
    )
    assert "CANARY" not in shown
    assert "rosa" not in shown


OURS = f"String {{{PROPERTY_SET}}} Name {Tag.BOX.value}"
FILTER = "receivedDateTime ge {} and singleValueExtendedProperties/any(ep: ep/id eq '{}' and ep/value eq '{}')"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://mail.northgate.example/EWS/Exchange.asmx", "https://host-1/EWS/Exchange.asmx"),
        ("http://127.0.0.1:8080/EWS/Exchange.asmx", "http://127.0.0.1:port/EWS/Exchange.asmx"),
        (
            f"/v1.0/users/{ROSA}/mailFolders/AAMk%3D/messages/delta?$deltatoken=CANARY",
            "/v1.0/users/address-1/mailFolders/id-1/messages/delta?$deltatoken=id-2",
        ),
        (
            f"/me/messages?$filter={FILTER.format('2026-11-25T08:41:02Z', OURS, 'CANARY')}",
            f"/me/messages?$filter={FILTER.format('0000-00-00T00:00:00Z', OURS, 'text-6-chars')}",
        ),
        ("/me/messages?$top=50&$select=id,subject", "/me/messages?$top=50&$select=id,subject"),
        ("/messages?$filter=subject eq 'CANARY", "/messages?$filter=text-18-chars"),
        ("/messages?$select=canary", "/messages?$select=text-6-chars"),
        ("https://[::1", "text-12-chars"),
        (f"https://{ROSA}:canary@host.example/", "https://host-1/"),
    ],
)
def test_an_address_keeps_the_words_of_the_protocol(url: str, shown: str) -> None:
    assert redacted_url(url, Placeholders()) == shown


def test_headers_keep_what_belongs_to_the_protocol() -> None:
    headers = {
        "Content-Type": "text/xml; charset=utf-8",
        "WWW-Authenticate": 'NTLM, Basic realm="mail.northgate.example"',
        "Retry-After": "30",
        "X-BackEndServer": "NG-EX01.northgate.example",
        "Set-Cookie": "CANARY",
        "Date CANARY": "x",
    }
    assert redacted_headers(headers, Placeholders()) == [
        "Content-Type: text/xml; charset=utf-8",
        "WWW-Authenticate: NTLM Basic",
        "Retry-After: 30",
        "X-BackEndServer: text-25-chars",
        "Set-Cookie: text-6-chars",
        "name-11-chars: text-1-chars",
    ]
    assert header_value("Retry-After", "CANARY", Placeholders()) == "text-6-chars"


def test_other_peoples_properties_are_text() -> None:
    assert redacted_property("String 0x1035", Placeholders()) == "String 0x1035"
    assert redacted_property("String 0x1035 CANARY", Placeholders()) == "text-20-chars"


# Nothing personal survives, wherever it stands. A canary has no place in any vocabulary.

LETTERS = st.text(string.ascii_letters + string.digits + " äöü密码&<>\"'=/+.,;:-_\n", max_size=30)
ADDRESSES = st.from_regex(r"canary[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)
PERSONAL = st.one_of(
    LETTERS.map(lambda text: f"canary{text}"),
    ADDRESSES,
    LETTERS.map(lambda text: b64encode(f"canary{text}".encode()).decode() + "canary"),
)
ELEMENTS = st.sampled_from(
    """t:Subject t:Body t:TextBody t:Name t:EmailAddress t:Value t:MimeContent m:ResponseCode
    m:MessageText t:Size t:IsRead t:ItemClass m:SyncState t:Content t:DisplayName faultstring
    t:FolderClass t:Importance m:EventType t:ItemId t:CustomThing""".split()
)
ATTRIBUTES = st.sampled_from(
    "Id ChangeKey Version FieldURI RootItemId ResponseClass PropertyTag Custom Key xsi:type".split()
)


@given(st.lists(st.tuples(ELEMENTS, ATTRIBUTES, PERSONAL, PERSONAL), max_size=6))
def test_no_address_text_or_token_survives_in_xml(
    parts: list[tuple[str, str, str, str]],
) -> None:
    inner = "".join(
        f"<{name} {key}={quoteattr(value)}>{escape(text)}</{name}>"
        for name, key, value, text in parts
    )
    shown = redacted_xml(f"<m:R {MESSAGES}>{inner}</m:R>".encode(), Placeholders())
    assert shown.startswith("<m:R ")
    assert "canary" not in shown
    assert all(name in shown for name, *_ in parts)


KEYS = st.sampled_from(
    """id subject content address name value message code error importance size isRead status
    @odata.nextLink url webLink conversationId internetMessageId bodyPreview contentBytes
    access_token refresh_token contentType token_type method reason""".split()
)
VALUES = st.recursive(
    PERSONAL,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["internetMessageHeaders", "singleValueExtendedProperties", "headers"]),
            st.lists(st.dictionaries(st.sampled_from(["id", "name", "value"]), PERSONAL)),
            max_size=2,
        ),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_no_address_text_or_token_survives_in_json(value: object) -> None:
    shown = redacted_json(json.dumps({"value": value}).encode(), Placeholders())
    # Names of headers and codes of errors stay; a canary that looks like one is not told from one.
    bare = re.sub(r'"(?:name|code|error)": "[A-Za-z][A-Za-z0-9._-]{0,80}"', "", shown)
    assert "canary" not in bare
    assert json.loads(shown).keys() == {"value"}


@given(st.lists(PERSONAL, max_size=5), PERSONAL)
def test_no_address_text_or_token_survives_in_a_url(steps: list[str], value: str) -> None:
    url = "https://canary.example/" + "/".join(quote(step, safe="") for step in steps)
    shown = redacted_url(f"{url}?$filter={quote(value)}&$select={quote(value)}", Placeholders())
    assert shown.startswith("https://host-1/")
    assert "canary" not in shown


@given(st.binary(max_size=400))
def test_any_bytes_can_be_shown(content: bytes) -> None:
    for redacted in (redacted_xml, redacted_json):
        assert redacted(content, Placeholders())
    assert mime_shape(content).startswith("mail-")
