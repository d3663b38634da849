"""Values for tests, complete and plainly fictional; a test names only what it is about."""

from datetime import timedelta
from typing import Any

from appliance.domain.draft import ENGINE, Completion, Draft, Passage, Reply
from appliance.domain.job import Job, JobId, State, Step
from appliance.domain.mail import Address, Attachment, Correspondent, Message, MessageId, Tokens
from appliance.domain.verdict import Disposition, Finding
from tests.fakes import NOON

OFFICE = Address("office@northgate.example")


def correspondent(address: str = "li.na@customer.example", name: str = "李娜") -> Correspondent:
    """Somebody who writes to the office."""
    return Correspondent(name=name, address=Address(address))


def message(uid: str = "1", **changes: Any) -> Message:
    """A question about opening hours; ``id`` and ``digest`` follow from ``uid``."""
    text = changes.pop("text", "您好，请问周六几点开门？\n\nWhen do you open on Saturday?")
    values: dict[str, Any] = {
        "mailbox": "north",
        "uid": uid,
        "id": MessageId(f"{uid}@customer.example"),
        "date": NOON - timedelta(minutes=5),
        "sender": correspondent(),
        "to": (correspondent(OFFICE, "Northgate"),),
        "subject": f"营业时间 {uid}",
        "headers": (("from", "李娜 <li.na@customer.example>"), ("x-count", uid)),
        "text": text,
        "question": text,
        "parts": ("text/plain",),
        "digest": f"digest-{uid}",
        "size": 812,
    }
    return Message(**(values | changes))


def attachment(name: str = "发票.pdf") -> Attachment:
    """A PDF."""
    return Attachment(name=name, media_type="application/pdf", size=20_480)


def finding(
    rule: str = "auth_missing", disposition: Disposition = Disposition.REVIEW, **changes: Any
) -> Finding:
    """A finding that asks for a reviewer."""
    values: dict[str, Any] = {"reason": "Nobody vouches for the sender (RFC 8601)."}
    return Finding(rule=rule, disposition=disposition, **(values | changes))


def completion(text: str = "We open at nine.", **changes: Any) -> Completion:
    """What the engine gave for ``draft``."""
    values: dict[str, Any] = {
        "finish": "stop",
        "prompt_tokens": Tokens(900),
        "cached_tokens": Tokens(700),
        "tokens": Tokens(12),
        "prefill_seconds": 4.0,
        "decode_seconds": 3.0,
    }
    return Completion(text=text, **(values | changes))


def draft(version: int = 1, **changes: Any) -> Draft:
    """A draft by the engine, resting on one passage."""
    values: dict[str, Any] = {
        "author": ENGINE,
        "text": "We open at nine.",
        "language": "en",
        "created": NOON,
        "passages": (Passage(source="hours.md#Saturday", text="Saturday from nine.", score=3.5),),
        "knowledge_version": "k1",
        "completion": completion(),
    }
    return Draft(version=version, **(values | changes))


def reply(to: Message | None = None, **changes: Any) -> Reply:
    """The reply to a message, written by nobody but the engine unless told otherwise."""
    original = to or message()
    values: dict[str, Any] = {
        "id": MessageId(f"reply-{original.uid}-1@northgate.example"),
        "in_reply_to": original.id,
        "references": (*original.references, original.id),
        "sender": OFFICE,
        "sender_name": "Northgate",
        "recipient": original.sender.address,
        "recipient_name": original.sender.name,
        "subject": f"Re: {original.subject}",
        "text": "We open at nine.\n\nNorthgate",
        "date": NOON,
        "automatic": True,
        "headers": (("Auto-Submitted", "auto-replied"),),
        "original": original.uid,
    }
    return Reply(**(values | changes))


def job(state: State = State.RECEIVED, **changes: Any) -> Job:
    """A job that was just brought into ``state``."""
    values: dict[str, Any] = {
        "id": JobId(1),
        "message": message(),
        "revision": 0,
        "attempts": 0,
        "created": NOON,
        "changed": NOON,
        "due": NOON,
    }
    return Job(state=state, **(values | changes))


def step(to: State, **changes: Any) -> Step:
    """A step with a note that names its goal."""
    return Step(to=to, **({"note": f"To {to}."} | changes))
