"""Mails to be screened, plainly fictional; a test names only what it is about."""

from typing import Any

from appliance.config.settings import Office
from appliance.domain.mail import Address, Correspondent, Message, MessageId, Thread
from appliance.domain.verdict import Disposition, Facts
from appliance.screen.case import Case
from appliance.screen.chain import CHAIN, judge

OUR_ADDRESS = Address("hello@northgate.example.com")
SERVER = "mx.northgate.example.com"
CUSTOMER = "anna@customer.example.org"
PROVEN = f"{SERVER}; spf=pass smtp.mailfrom={CUSTOMER}; dmarc=pass header.from=customer.example.org"
CLEAN = (("return-path", f"<{CUSTOMER}>"), ("authentication-results", PROVEN))
"""What the headers of a mail must say so that no rule has anything to remark."""

NORTHGATE = Office(
    name="Northgate Cycles, Leeds", addresses=(OUR_ADDRESS,), authserv_id=SERVER, language="en"
)


def person(address: str, name: str = "") -> Correspondent:
    """Somebody in a header."""
    return Correspondent(name=name, address=Address(address))


def mail(text: str = "When do you open on Saturday?", **changes: Any) -> Message:
    """A customer's question that passes every rule; ``extra`` are headers besides the usual."""
    values: dict[str, Any] = {
        "mailbox": "north",
        "uid": "1",
        "id": MessageId("q1@customer.example.org"),
        "sender": person(CUSTOMER, "Anna"),
        "to": (person(OUR_ADDRESS, "Northgate"),),
        "subject": "",
        "headers": (*CLEAN, *changes.pop("extra", ())),
        "text": text,
        "question": text,
        "parts": ("text/plain",),
    }
    return Message(**(values | changes))


def case(
    message: Message | None = None,
    *,
    office: Office = NORTHGATE,
    facts: Facts | None = None,
    thread: Thread | None = None,
) -> Case:
    """The case of one mail that came alone."""
    message = message or mail()
    return Case(
        message=message,
        thread=thread or Thread(messages=(message,)),
        office=office,
        facts=facts or Facts(),
    )


def found(judged: Case) -> dict[str, Disposition]:
    """Rule → disposition of every finding."""
    return {finding.rule: finding.disposition for finding in judge(judged).findings}


def route(judged: Case) -> str:
    """Where the mail goes."""
    return judge(judged).disposition.route


def applies(name: str, judged: Case) -> bool:
    """Whether the one rule of that name has something to say."""
    return next(rule for rule in CHAIN if rule.name == name).applies(judged)
