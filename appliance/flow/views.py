"""Domain values as plain values for the socket: what scripts and the console read."""

from datetime import datetime
from typing import Any

from appliance.config.overrides import Override
from appliance.domain.draft import Draft
from appliance.domain.job import Entry, Job, Summary
from appliance.domain.mail import Message
from appliance.domain.verdict import Finding, Verdict


def moment(value: datetime | None) -> str | None:
    """ISO 8601 with offset, to the second."""
    return value.isoformat(timespec="seconds") if value is not None else None


def summary_view(row: Summary) -> dict[str, Any]:
    """One row of ``mail list``."""
    return {
        "id": row.id,
        "state": row.state,
        "mailbox": row.mailbox,
        "sender": row.sender,
        "subject": row.subject,
        "language": row.language,
        "disposition": row.disposition,
        "reason": row.reason,
        "received": moment(row.created),
        "changed": moment(row.changed),
        "attempts": row.attempts,
        "revision": row.revision,
    }


def job_view(job: Job) -> dict[str, Any]:
    """Where a job stands, without the mail's text."""
    verdict = Verdict(findings=job.findings)
    return {
        "id": job.id,
        "state": job.state,
        "mailbox": job.message.mailbox,
        "language": job.language,
        "disposition": verdict.disposition.label,
        "findings": [finding_view(finding) for finding in job.findings],
        "version": job.draft.version if job.draft else None,
        "revision": job.revision,
        "attempts": job.attempts,
        "uncertain": job.uncertain,
        "received": moment(job.created),
        "changed": moment(job.changed),
        "due": moment(job.due),
    }


def finding_view(finding: Finding) -> dict[str, Any]:
    """A finding for scripts and screens."""
    return {
        "rule": finding.rule,
        "disposition": finding.disposition.label,
        "reason": finding.reason,
        "span": finding.span,
    }


def message_view(message: Message) -> dict[str, Any]:
    """The mail as a reviewer reads it."""
    return {
        "uid": message.uid,
        "from": f"{message.sender.name} <{message.sender.address}>".strip(),
        "to": [person.address for person in message.to],
        "subject": message.subject,
        "date": moment(message.date),
        "question": message.question,
        "text": message.text,
        "attachments": [attachment.name for attachment in message.attachments],
    }


def draft_view(draft: Draft) -> dict[str, Any]:
    """One version with what it rests on and what it cost."""
    completion = draft.completion
    return {
        "version": draft.version,
        "author": draft.author,
        "text": draft.text,
        "language": draft.language,
        "created": moment(draft.created),
        "passages": [
            {"source": passage.source, "text": passage.text} for passage in draft.passages
        ],
        "knowledge_version": draft.knowledge_version,
        "distance": draft.distance,
        "tokens": completion.tokens if completion else None,
        "tokens_per_second": round(completion.tokens_per_second, 2) if completion else None,
        "seconds": round(completion.prefill_seconds + completion.decode_seconds, 2)
        if completion
        else None,
    }


def reply_view(job: Job) -> dict[str, Any] | None:
    """The outgoing mail, once there is one."""
    if job.reply is None:
        return None
    return {
        "message_id": job.reply.id,
        "to": job.reply.recipient,
        "subject": job.reply.subject,
        "text": job.reply.text,
        "automatic": job.reply.automatic,
    }


def entry_view(entry: Entry) -> dict[str, Any]:
    """One line of the ledger."""
    return {
        "at": moment(entry.at),
        "job": entry.job,
        "before": entry.before,
        "after": entry.after,
        "actor": entry.actor,
        "note": entry.note,
    }


def switch_view(override: Override) -> dict[str, Any]:
    """A switch a person turned on."""
    return {
        "name": override.name,
        "who": override.who,
        "why": override.why,
        "since": moment(override.when),
        "until": moment(override.until),
    }
