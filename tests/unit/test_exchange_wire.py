"""What an HTTP answer of an Exchange server means."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as some

from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    MailboxUnreachable,
    ReplyRefused,
)
from appliance.mailbox.exchange.answers import Answers, soap_fault
from appliance.mailbox.exchange.faults import (
    Busy,
    FolderGone,
    Gone,
    NoRight,
    SignInRefused,
    Stale,
    fault,
    refusal,
)
from appliance.mailbox.exchange.wire import Wire
from appliance.mailbox.gate import Gate
from appliance.mailbox.mailstore import StateLost
from tests.fakes import FakeClock

FAULT = (
    '{start}<{p}:Envelope xmlns:{p}="http://schemas.xmlsoap.org/soap/envelope/"><{p}:Body><{p}:Fault>'
    "<faultcode>{p}:Client</faultcode><faultstring>a@example.com</faultstring><detail>"
    '<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{code}'
    "</e:ResponseCode>"
    '<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
    '<t:Value Name="BackOffMilliseconds">{rest}</t:Value></t:MessageXml>'
    "</detail></{p}:Fault></{p}:Body></{p}:Envelope>"
)


def body(code: str, rest: str = "", prefix: str = "s", start: str = "") -> bytes:
    return FAULT.format(code=code, rest=rest, p=prefix, start=start).encode()


class Site:
    """The meaning of answers, and the gate it may shut."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.gate = Gate(self.clock)
        wire = Wire(
            url="https://mail.example.com/EWS/Exchange.asmx",
            context=ssl.create_default_context(),
            gate=self.gate,
            clock=self.clock,
            recorder=None,
        )
        self.answers = Answers(wire)

    def meaning(self, status: int, content: bytes = b"", **headers: str) -> Exception | None:
        response = requests.Response()
        response.status_code = status
        response._content = content
        response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        try:
            self.answers.raise_response_errors(response)
        except ApplianceError as error:
            return error
        return None


def test_an_answer_that_holds_what_was_asked_for_passes() -> None:
    assert Site().meaning(200, b"anything") is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, SignInRefused),
        (403, NoRight),
        (404, ConfigError),
        (302, MailboxUnreachable),
        (400, MailboxUnreachable),
        (429, MailboxUnreachable),
        (500, MailboxUnreachable),
        (502, MailboxUnreachable),
        (503, MailboxUnreachable),
    ],
)
def test_a_status_says_who_must_act(status: int, kind: type[Exception]) -> None:
    site = Site()
    error = site.meaning(status, b"<html>desk@office.example.com</html>", Location="https://x")
    assert type(error) is kind
    assert "office.example.com" not in str(error)
    assert site.gate.left == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_wish_for_rest_is_granted_in_seconds_or_until_a_time(status: int) -> None:
    site = Site()
    site.meaning(status, Retry_After="90")
    assert site.gate.left == 90
    date = format_datetime(site.clock.now() + timedelta(seconds=120), usegmt=True)
    site.meaning(status, Retry_After=date)
    assert site.gate.left == 120


def test_until_when_to_rest_is_told_by_the_servers_own_clock() -> None:
    site = Site()
    theirs = site.clock.now() + timedelta(days=400)
    until = format_datetime(theirs + timedelta(seconds=40), usegmt=True)
    site.meaning(503, Retry_After=until, Date=format_datetime(theirs, usegmt=True))
    assert site.gate.left == 40


@pytest.mark.parametrize("wish", ["", "soon", "-5", "Mon, 02 Mar 2026", "1e400", "٣"])
def test_a_wish_nobody_can_read_shuts_nothing_for_long(wish: str) -> None:
    site = Site()
    assert isinstance(site.meaning(503, Retry_After=wish), MailboxUnreachable)
    assert site.gate.left <= 3


def test_nobody_is_left_alone_for_ever() -> None:
    site = Site()
    site.meaning(429, Retry_After="99999999")
    assert site.gate.left == 3600


@pytest.mark.parametrize(
    ("rest", "seconds"),
    [("4500", 4.5), ("", 10.0), ("soon", 10.0), ("0", 0.0), ("nan", 0.0), ("-1", 0.0)],
)
@pytest.mark.parametrize("prefix", ["s", "SOAP", "soap"])
@pytest.mark.parametrize("start", ["", "<?xml version='1.0' encoding='utf-8'?>", "\ufeff"])
def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    rest: str, seconds: float, prefix: str, start: str
) -> None:
    site = Site()
    error = site.meaning(500, body("ErrorServerBusy", rest, prefix, start))
    assert isinstance(error, Busy)
    assert site.gate.left == seconds


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ErrorItemNotFound", Gone),
        ("ErrorFolderNotFound", FolderGone),
        ("ErrorIrresolvableConflict", Stale),
        ("ErrorInvalidSyncStateData", StateLost),
        ("ErrorAccessDenied", CredentialsRefused),
        ("ErrorNonExistentMailbox", CredentialsRefused),
        ("ErrorImpersonateUserDenied", CredentialsRefused),
        ("ErrorInvalidServerVersion", ConfigError),
        ("ErrorSomethingNew", MailboxUnreachable),
    ],
)
def test_a_code_says_who_must_act(code: str, kind: type[Exception]) -> None:
    error = Site().meaning(500, body(code))
    assert isinstance(error, kind)
    assert "a@example.com" not in str(error)


@pytest.mark.parametrize("code", ["ErrorAccessDenied", "ErrorImpersonateUserDenied"])
def test_a_missing_right_is_named_with_the_page_that_has_the_command(code: str) -> None:
    assert "docs/exchange.md" in str(fault(code))
    assert code in str(fault(code))


ANSWER = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    "<m:{name}Response><m:ResponseMessages>"
    '<m:{name}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
    '</m:{name}ResponseMessage><m:{name}ResponseMessage ResponseClass="Error">'
    "<m:ResponseCode>{code}</m:ResponseCode>"
    "</m:{name}ResponseMessage></m:ResponseMessages></m:{name}Response></s:Body></s:Envelope>"
)


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("GetItem", "ErrorItemNotFound", None),
        ("GetItem", "ErrorServerBusy", Busy),
        ("SyncFolderItems", "ErrorInvalidSyncStateData", StateLost),
        ("SyncFolderItems", "NoError", None),
    ],
)
def test_what_the_library_would_misread_is_read_before_it(
    name: str, code: str, kind: type[Exception] | None
) -> None:
    error = Site().meaning(200, ANSWER.format(name=name, code=code).encode())
    assert (None if error is None else type(error)) is kind


@given(some.binary(max_size=200) | some.text(max_size=100).map(lambda text: body(text, text)))
def test_no_answer_makes_reading_it_fail(content: bytes) -> None:
    code, _ = soap_fault(content)
    assert code == "" or code.isalnum()


def test_the_code_of_a_fault_without_detail_is_found_in_its_name() -> None:
    content = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        b"<faultcode>a:ErrorSchemaValidation</faultcode></s:Fault></s:Body></s:Envelope>"
    )
    assert soap_fault(content) == ("ErrorSchemaValidation", 10.0)
    assert soap_fault(content.replace(b"a:Error", b"a:")) == ("", 10.0)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (fault("ErrorInvalidRecipients"), True),
        (fault("ErrorSendAsDenied"), True),
        (fault("ErrorMessageSizeExceeded"), True),
        (fault("ErrorItemNotFound"), False),
        (fault("ErrorServerBusy"), False),
        (fault(""), False),
        (SignInRefused("no"), False),
        (NoRight("HTTP 403"), False),
    ],
)
def test_only_a_word_about_the_reply_refuses_it(error: ApplianceError, refused: bool) -> None:
    assert isinstance(refusal(error), ReplyRefused) is refused


def test_a_session_takes_nothing_from_the_environment_but_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    wire = Wire(
        url="https://mail.example.com/EWS/Exchange.asmx",
        context=ssl.create_default_context(),
        gate=Gate(FakeClock()),
        clock=FakeClock(),
        recorder=None,
    )
    auth: Callable[[Any], Any] = lambda request: request  # noqa: E731
    session = requests.Session()
    wire.fit(session, auth)
    merged = session.merge_environment_settings(wire.url, {}, None, None, None)
    assert merged["verify"] is True
    assert merged["proxies"]["https"] == "http://proxy.example.com:3128"
