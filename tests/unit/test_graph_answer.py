"""What Graph's answers mean: who must act, and for how long it is left alone."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import gaierror
from ssl import SSLCertVerificationError

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from requests import exceptions

from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    MailboxUnreachable,
)
from appliance.mailbox.graph_answer import (
    Answer,
    Broken,
    Gone,
    NotSent,
    Untrusted,
    error_of,
    rest_of,
    trouble,
)
from tests.fakes import NOON


def answer(status: int, code: str = "", **headers: str) -> Answer:
    error = {"error": {"code": code, "message": "li.na@customer.example wrote"}}
    body = json.dumps(error).encode() if code else b"<html>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=body)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "InvalidAuthenticationToken", CredentialsRefused),
        (403, "ErrorAccessDenied", CredentialsRefused),
        (403, "", CredentialsRefused),
        (404, "ErrorItemNotFound", Gone),
        (404, "ErrorFolderNotFound", Gone),
        (400, "ErrorInvalidIdMalformed", Gone),
        (404, "ErrorInvalidUser", ConfigError),
        (404, "MailboxNotEnabledForRESTAPI", ConfigError),
        (404, "", MailboxUnreachable),
        (404, "UnknownError", MailboxUnreachable),
        (400, "BadRequest", MailboxUnreachable),
        (429, "ApplicationThrottled", MailboxUnreachable),
        (500, "ErrorItemNotFound", MailboxUnreachable),
        (302, "", MailboxUnreachable),
    ],
)
def test_an_error_says_who_must_act(status: int, code: str, kind: type[ApplianceError]) -> None:
    error = error_of(answer(status, code), "Mail.ReadWrite")
    assert type(error) is kind
    assert "customer" not in str(error)


@pytest.mark.parametrize("status", [403, 507])
def test_a_full_mailbox_is_named(status: int) -> None:
    """A delta is refused with 403 where there is no room for its state."""
    error = error_of(answer(status, "ErrorQuotaExceeded"), "Mail.ReadWrite")
    assert type(error) is MailboxUnreachable
    assert "full" in str(error)


def test_a_missing_right_is_named() -> None:
    assert "Mail.Send" in str(error_of(answer(403, "ErrorAccessDenied"), "Mail.Send"))


@given(st.binary(max_size=200))
def test_no_answer_is_too_strange_to_be_judged(body: bytes) -> None:
    told = Answer(status=400, headers={}, body=body)
    assert str(error_of(told, "Mail.Send"))
    assert told.code.isascii()


@pytest.mark.parametrize(
    "code", ["two words", "x" * 81, "li.na@customer.example", "Fehler\u202e", 17, None, {"a": 1}]
)
def test_what_is_no_code_is_not_quoted(code: object) -> None:
    body = json.dumps({"error": {"code": code}}).encode()
    assert Answer(status=400, headers={}, body=body).code == ""


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (answer(429, Retry_After="17"), 17),
        (answer(429, Retry_After="0.5"), 0.5),
        (answer(503, Retry_After="120"), 120),
        (answer(429, Retry_After="0"), 0),
        (answer(429), 10),
        (answer(503), 5),
        (answer(509), 60),
        (answer(429, Retry_After="soon"), 10),
        (answer(429, Retry_After="-4"), 10),
        (answer(429, Retry_After="999999999"), 3600),
        (answer(500, Retry_After="17"), 0),
        (answer(200, Retry_After="17"), 0),
        (answer(401), 0),
    ],
)
def test_the_rest_that_a_server_wants(told: Answer, seconds: float) -> None:
    assert rest_of(told, NOON) == seconds


def test_a_date_counts_by_the_servers_own_clock() -> None:
    theirs = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    until = format_datetime(theirs + timedelta(seconds=40), usegmt=True)
    told = answer(503, Retry_After=until, Date=format_datetime(theirs, usegmt=True))
    assert rest_of(told, NOON) == 40
    assert rest_of(answer(503, Retry_After=until), theirs) == 40
    assert rest_of(told, theirs + timedelta(days=400)) == 40
    assert rest_of(answer(503, Retry_After=until), theirs + timedelta(days=1)) == 0


def wrapped(reason: Exception) -> exceptions.ConnectionError:
    """As ``requests`` hands on what kept a connection from coming about."""
    return exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(POOL, "/v1.0", reason))


POOL = urllib3.HTTPSConnectionPool("graph.example")
CONNECTION = urllib3.connection.HTTPSConnection("graph.example")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "refused")), NotSent),
        (
            wrapped(
                urllib3.exceptions.NameResolutionError("graph.example", CONNECTION, gaierror())
            ),
            NotSent,
        ),
        (exceptions.ConnectTimeout("slow"), NotSent),
        (exceptions.ProxyError("refused"), NotSent),
        (exceptions.SSLError(SSLCertVerificationError("unknown authority")), Broken),
        (wrapped(urllib3.exceptions.ProtocolError("aborted", OSError())), Broken),
        (exceptions.ConnectionError(urllib3.exceptions.ProtocolError("aborted")), Broken),
        (exceptions.ChunkedEncodingError("cut"), Broken),
        (exceptions.ConnectionError(), Broken),
        (exceptions.ReadTimeout("slow"), MailboxUnreachable),
    ],
)
def test_only_what_never_left_counts_as_not_sent(
    error: Exception, kind: type[ApplianceError]
) -> None:
    assert type(trouble(error, "graph.example")) is kind


def test_a_certificate_that_is_not_trusted_is_a_persons_to_mend() -> None:
    reason = urllib3.exceptions.SSLError(SSLCertVerificationError("unknown authority"))
    error = exceptions.SSLError(urllib3.exceptions.MaxRetryError(POOL, "/v1.0", reason))
    assert type(trouble(error, "graph.example")) is Untrusted
