"""One thing a text states, normalised so that two spellings of it are equal."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a claim is about."""

    AMOUNT = "amount"
    PERCENTAGE = "percentage"
    DISCOUNT = "discount"
    DURATION = "duration"
    TIME = "time"
    DATE = "date"
    WEEKDAY = "weekday"
    NUMBER = "number"
    URL = "url"
    MAIL = "mail"
    PHONE = "phone"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        kind: what it is about.
        value: normalised, comparable within one kind: ``Decimal`` strings for quantities, minutes
            of the day for times, ``year-month-day`` (0: not said) for dates, digits for phones.
            A tuple lists readings where one spelling has several (half past eight).
        span: offsets into the text.
        unit: currency code, ``min`` (durations below a month), ``month``, a measure, or empty.
        number: the bare number as written, for quantities.
        weak: too common a wording to be a claim by itself (one month, a week); evidence only.
    """

    kind: Kind
    value: tuple[str, ...]
    span: tuple[int, int]
    unit: str = ""
    number: Decimal | None = None
    weak: bool = False
