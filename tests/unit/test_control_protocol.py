"""Requests, responses and the errors that travel in them."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.control.protocol import (
    Malformed,
    Request,
    Response,
    failure,
    line,
    raised,
    read_request,
    read_response,
    refusal,
)
from appliance.domain import errors
from appliance.domain.errors import ApplianceError, ConfigError
from appliance.domain.job import State


def test_a_request_comes_out_as_it_went_in() -> None:
    request = Request(id=str(uuid4()), verb="mail.edit", arguments={"id": 7, "text": "您好\n再见"})
    encoded = line(request)
    assert encoded.count(b"\n") == 1
    assert read_request(encoded.rstrip(b"\n")) == request


def test_a_response_carries_values_of_the_domain() -> None:
    response = Response(
        id="x", ok=True, result={"state": State.HELD, "at": datetime(2026, 11, 1, tzinfo=UTC)}
    )
    assert read_response(line(response)).result == {"state": "held", "at": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"GET / HTTP/1.1",
        b"\xff\xfe",
        b'{"id": "no-uuid", "verb": "status"}',
        b'{"id": "8b5e7b0e-6a5a-4a1b-9f6e-0c8f8f0f0f0f", "verb": 1}',
        b'{"id": "8b5e7b0e-6a5a-4a1b-9f6e-0c8f8f0f0f0f", "verb": "s", "arguments": []}',
        b'{"id": "8b5e7b0e-6a5a-4a1b-9f6e-0c8f8f0f0f0f", "verb": "s", "role": "admin"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_request_is_refused_without_being_quoted(garbage: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_request(garbage)
    assert str(caught.value) == "The line is no request of this protocol."


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_fail_otherwise(raw: bytes) -> None:
    for read in (read_request, read_response):
        try:
            read(raw)
        except Malformed:
            continue


@pytest.mark.parametrize(
    "kind",
    [
        value
        for value in vars(errors).values()
        if isinstance(value, type)
        and issubclass(value, ApplianceError)
        and value is not ConfigError
    ],
)
def test_every_error_of_the_domain_arrives_as_itself(kind: type[ApplianceError]) -> None:
    response = read_response(line(refusal("x", kind("A sentence."))))
    assert response.error is not None
    error = raised(response.error)
    assert type(error) is kind
    assert str(error) == "A sentence."


def test_a_configuration_error_arrives_with_every_problem() -> None:
    response = read_response(line(refusal("x", ConfigError(("one", "two")))))
    assert response.error is not None
    error = raised(response.error)
    assert isinstance(error, ConfigError)
    assert error.problems == ("one", "two")


def test_an_unknown_kind_arrives_as_the_root_of_all_errors() -> None:
    error = failure("x", "Exception", "Something.").error
    assert error is not None
    assert type(raised(error)) is ApplianceError


def test_what_json_cannot_carry_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        line(Request(id=str(uuid4()), verb="x", arguments={"a": object()}))
