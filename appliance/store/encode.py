"""Values to what a column can hold, and back: JSON bodies and moments."""

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from appliance.domain.draft import Draft, Reply
from appliance.domain.errors import OperatorError
from appliance.domain.mail import Message
from appliance.domain.verdict import Finding

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Value = Message | Draft | Reply | tuple[Finding, ...]
Stored = TypeVar("Stored", Message, Draft, Reply, tuple[Finding, ...])


class StoredUnreadable(OperatorError):
    """What is stored about a mail cannot be read; its text quotes nothing of it."""


def body(value: Value) -> str:
    """The value as JSON.

    Raises:
        UnicodeEncodeError: a text holds lone surrogates.
    """
    return msgspec.json.encode(value).decode()


def read(text: str, kind: type[Stored]) -> Stored:
    """The value that ``body`` wrote; equal to it.

    Raises:
        StoredUnreadable: the text is no such value.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise StoredUnreadable("What is stored about this mail cannot be read.") from error


def moment(when: datetime) -> int:
    """Microseconds since 1970; a time without a zone is taken for UTC (RFC 5322 §3.3, -0000)."""
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def when(moment: int) -> datetime:
    """The aware datetime (UTC) of a moment."""
    return _EPOCH + timedelta(microseconds=moment)
