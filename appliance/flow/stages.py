"""What one stage decides about a job: values in, a step out."""

from datetime import datetime
from typing import Final

from appliance.config.settings import Office
from appliance.domain.draft import ENGINE, Completion, Draft, Passage
from appliance.domain.job import Job, State, Step
from appliance.domain.mail import Thread
from appliance.domain.verdict import Disposition, Facts, Finding, Verdict
from appliance.flow.reply import write_reply
from appliance.guard import gate
from appliance.screen import chain, language

RULES: Final = chain.RULES | gate.RULES
"""Every rule name that an office may set."""

_AFTER_SCREEN: Final = {
    Disposition.PASS: State.SCREENED,
    Disposition.REVIEW: State.SCREENED,
    Disposition.HOLD: State.HELD,
    Disposition.STOP: State.SKIPPED,
}


def screen(job: Job, thread: Thread, office: Office, facts: Facts) -> Step:
    """May this mail be answered by a machine?"""
    verdict = chain.judge(
        chain.Case(message=job.message, thread=thread, office=office, facts=facts)
    )
    return Step(
        to=_AFTER_SCREEN[verdict.disposition],
        note=_note(verdict, "Nothing speaks against a draft."),
        findings=verdict.findings,
        language=language.detect(
            job.message.question or job.message.subject or job.message.text, office.language
        ),
    )


def still_passes(job: Job, thread: Thread, office: Office, facts: Facts) -> bool:
    """Whether the screen, asked again with today's facts, lets an answer leave by itself."""
    case = chain.Case(message=job.message, thread=thread, office=office, facts=facts)
    return chain.judge(case).disposition is Disposition.PASS


def new_draft(
    job: Job,
    *,
    completion: Completion,
    passages: tuple[Passage, ...],
    knowledge_version: str,
    version: int,
    now: datetime,
) -> Draft:
    """The engine's completion as a draft."""
    return Draft(
        version=version,
        author=ENGINE,
        text=completion.text.strip(),
        language=job.language,
        created=now,
        passages=passages,
        knowledge_version=knowledge_version,
        completion=completion,
    )


def guard(job: Job, draft: Draft, thread: Thread, office: Office, prefix: str) -> Step:
    """May this draft leave? What the screen found stays among the findings."""
    verdict = gate.judge(
        draft=draft, thread=thread, office=office, prefix=prefix, detect=language.detect
    )
    hold = verdict.disposition >= Disposition.HOLD
    what = f"Version {draft.version} by {'the engine' if draft.author == ENGINE else 'a person'}."
    return Step(
        to=State.HELD if hold else State.DRAFTED,
        note=f"{what} {_note(verdict, 'The guard has nothing to say.')}",
        findings=(*screen_findings(job), *verdict.findings),
        draft=draft,
        instruction="",
    )


def screen_findings(job: Job) -> tuple[Finding, ...]:
    """Those of the job's findings that the screen made."""
    return tuple(finding for finding in job.findings if finding.rule in chain.RULES)


def approve_automatically(job: Job, office: Office, now: datetime) -> Step:
    """Send without a person: every rule passed and the office allows it."""
    assert job.draft is not None
    return Step(
        to=State.APPROVED,
        note="Every rule passed and the office sends by itself.",
        reply=write_reply(
            message=job.message, draft=job.draft, office=office, now=now, automatic=True
        ),
    )


def _note(verdict: Verdict, otherwise: str) -> str:
    deciding = verdict.deciding
    return deciding.reason if deciding is not None else otherwise
