"""The chain every draft passes before a person or the mail server sees it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from appliance.config.settings import Office
from appliance.domain.draft import Draft
from appliance.domain.mail import Thread
from appliance.domain.verdict import Disposition, Finding, Verdict
from appliance.guard.answers import missing_answer
from appliance.guard.bindings import misplaced
from appliance.guard.case import Case, Rule, case
from appliance.guard.commitments import promise
from appliance.guard.form import (
    cut_off,
    empty,
    markdown,
    placeholder,
    repetition,
    template_token,
    think,
)
from appliance.guard.leak import echo, prompt_leak, secret
from appliance.guard.people import personal, unsupported_name, wrong_addressee
from appliance.guard.rulings import opposed, refused
from appliance.guard.support import foreign_link, unsupported, wrong_weekday
from appliance.guard.tongue import wrong_language, wrong_script

CHAIN: Final[tuple[Rule, ...]] = (
    empty,
    think,
    template_token,
    prompt_leak,
    secret,
    cut_off,
    repetition,
    markdown,
    placeholder,
    wrong_language,
    wrong_script,
    unsupported,
    wrong_weekday,
    foreign_link,
    misplaced,
    opposed,
    refused,
    promise,
    missing_answer,
    echo,
    wrong_addressee,
    unsupported_name,
    personal,
)
"""Every rule, in the order a reviewer reads the findings."""

FIRM: Final = frozenset({"empty", "think_tag", "template_token", "prompt_leak", "secret_leak"})
"""Findings that hold a draft; an office cannot make them more lenient."""

RULES: Final = FIRM | frozenset(
    {
        "cut_off",
        "repetition",
        "markdown",
        "placeholder",
        "wrong_language",
        "wrong_script",
        "unsupported_amount",
        "unsupported_number",
        "unsupported_date",
        "unsupported_contact",
        "unsupported_name",
        "foreign_link",
        "contradicts_evidence",
        "promise",
        "missing_answer",
        "injection_obeyed",
        "wrong_addressee",
        "third_party_data",
    }
)
"""The name of every finding the guard can make."""

_DISPOSITIONS: Final[Mapping[str, Disposition]] = {
    disposition.label: disposition for disposition in Disposition
}


def judge(
    *, draft: Draft, thread: Thread, office: Office, prefix: str, detect: Callable[[str, str], str]
) -> Verdict:
    """Every finding about ``draft``, spans as offsets into its text.

    Findings hold the draft where it is unusable or tells what must stay inside; all others ask for
    a person's look and so block automatic sending. ``office.rules`` sets another disposition by
    rule.

    Args:
        draft: what is to be judged, with the passages its writer was shown.
        thread: the mail it answers and what came before.
        office: whose reply it is.
        prefix: the stable part of the prompt, which must not come back.
        detect: text and fallback → BCP 47 of the language of the text.
    """
    trial = case(draft=draft, thread=thread, office=office, prefix=prefix, detect=detect)
    return Verdict(findings=tuple(_ruled(finding, office) for finding in _found(trial)))


def _found(trial: Case) -> Iterator[Finding]:
    """The findings of the chain, each place and rule once; of an empty draft only that it is."""
    seen: set[tuple[str, tuple[int, int] | None]] = set()
    for rule in CHAIN:
        for finding in rule(trial):
            if (finding.rule, finding.span) not in seen:
                seen.add((finding.rule, finding.span))
                yield finding
        if rule is empty and seen:
            return


def _ruled(finding: Finding, office: Office) -> Finding:
    """``finding`` as strict as the office wants it."""
    wanted = _DISPOSITIONS.get(office.rules.get(finding.rule, ""))
    if wanted is None or (finding.rule in FIRM and wanted < finding.disposition):
        return finding
    return replace(finding, disposition=wanted)
