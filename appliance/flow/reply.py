"""The outgoing mail: recipient, headers and subject are chosen here, never by the engine."""

import hashlib
import re
from datetime import datetime
from typing import Final

from appliance.config.settings import Office
from appliance.domain.draft import Draft, Reply
from appliance.domain.mail import Correspondent, Message, MessageId

LOOP_HEADER: Final = "X-Mail-Appliance"
_REFERENCES_KEPT: Final = 20
_REPLY_PREFIX: Final = re.compile(
    r"^(?:\s{0,3}(?:re|aw|sv|antw|答复|回复|回覆|答覆|回信|rif|tr|r[ée]p)(?:\[\d{1,3}\])?\s?[:：])+\s*",
    re.IGNORECASE,
)


def reply_id(message: Message, office: Office, version: int) -> MessageId:
    """The stable Message-ID of a version: a hash of mailbox, original id and version.

    The same version always has the same id, so a second sending can be recognised.
    """
    seed = f"{message.mailbox}\n{message.id}\n{message.uid}\n{version}"
    domain = office.addresses[0].rpartition("@")[2]
    return MessageId(f"{hashlib.sha256(seed.encode()).hexdigest()[:32]}.appliance@{domain}")


def reply_subject(subject: str) -> str:
    """``Re:`` once, whatever the sender's client wrote (AW:, 答复:, 回复:, RE[2]:)."""
    flat = " ".join(subject.split())
    return f"Re: {_REPLY_PREFIX.sub('', flat)}".rstrip()


def recipient(message: Message) -> Correspondent:
    """The author: Reply-To where it names exactly one, else From.

    RFC 3834 §4 prefers Return-Path for a responder; a service desk answers the author instead
    (decision 0004).
    """
    return message.reply_to[0] if len(message.reply_to) == 1 else message.sender


def references(message: Message) -> tuple[MessageId, ...]:
    """The References of the answer (RFC 5322 §3.6.4): the first and the last are kept."""
    if not message.id_given:
        return ()
    chain = message.references or ((message.in_reply_to,) if message.in_reply_to else ())
    chain = (*(item for item in chain if item != message.id), message.id)
    if len(chain) > _REFERENCES_KEPT:
        chain = (chain[0], *chain[-(_REFERENCES_KEPT - 1) :])
    return chain


def write_reply(
    *, message: Message, draft: Draft, office: Office, now: datetime, automatic: bool
) -> Reply:
    """The complete mail for a draft.

    Args:
        message: the mail to answer.
        draft: the version that leaves.
        office: whose signature, address and disclosure line are used.
        now: the Date of the mail (aware).
        automatic: nobody looked at it: marked ``Auto-Submitted: auto-replied`` (RFC 3834 §5) and
            disclosed. What a person approved or wrote carries no such mark (§5.2): the approver is
            the sender.
    """
    to = recipient(message)
    headers: tuple[tuple[str, str], ...] = (
        ("X-Auto-Response-Suppress", "All"),
        (LOOP_HEADER, message.mailbox),
    )
    if automatic:
        headers = (("Auto-Submitted", "auto-replied"), *headers)
    return Reply(
        id=reply_id(message, office, draft.version),
        in_reply_to=message.id if message.id_given else None,
        references=references(message),
        sender=office.addresses[0],
        sender_name=office.name,
        recipient=to.address,
        recipient_name=to.name,
        subject=reply_subject(message.subject),
        text=_body(draft, office, automatic=automatic),
        date=now,
        automatic=automatic,
        headers=headers,
        original=message.uid,
    )


def _body(draft: Draft, office: Office, *, automatic: bool) -> str:
    parts = [draft.text.strip()]
    if office.signature:
        parts.append(office.signature)
    if automatic and office.disclose:
        line = office.disclosure.get(draft.language) or office.disclosure.get("en", "")
        parts.append(line)
    return "\n\n".join(part for part in parts if part) + "\n"
