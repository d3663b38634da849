"""The screen: every rule in order, and the verdict on one case."""

from typing import Final

from appliance.domain.verdict import Disposition, Verdict
from appliance.screen import (
    advertising,
    authentication,
    caps,
    complaints,
    fraud,
    harm,
    identity,
    injection,
    participants,
    privacy,
    progress,
    robots,
    ticket,
    unclear,
)
from appliance.screen.case import Case
from appliance.screen.rule import Rule

__all__ = ["CHAIN", "MANDATORY", "RULES", "Case", "judge"]

CHAIN: Final[tuple[Rule, ...]] = (
    # Nobody wrote it, or we did.
    identity.own_message,
    identity.own_address,
    robots.null_return_path,
    robots.auto_submitted,
    robots.robot_sender,
    robots.list_mail,
    robots.precedence_junk,
    robots.delivery_report,
    robots.read_receipt,
    robots.autoresponder,
    robots.feedback_id,
    robots.calendar_request,
    robots.unattended_sender,
    ticket.ticket_acknowledgement,
    advertising.newsletter,
    advertising.advertisement,
    # It was answered, or need not be.
    caps.duplicate,
    caps.superseded,
    caps.quick_answer,
    # Who it is, and whether it is meant for us.
    identity.no_author,
    robots.encrypted,
    robots.postmaster,
    robots.precedence_bulk,
    robots.calendar_part,
    identity.not_addressed,
    authentication.dmarc_failed,
    fraud.payment_fraud,
    advertising.likely_advertisement,
    # It speaks to the engine.
    injection.template_token,
    injection.hidden_orders,
    injection.engine_addressed,
    injection.encoded_orders,
    # A person must judge.
    complaints.legal_threat,
    harm.money_demanded,
    harm.safety_danger,
    complaints.unhappy,
    complaints.named_person,
    participants.third_party,
    participants.forwarded_letter,
    participants.joined_thread,
    privacy.others_data,
    progress.order_status,
    unclear.photo_only,
    unclear.ambiguous,
    caps.answers_automatic,
    # A machine may draft; a person approves.
    authentication.dmarc_unknown,
    authentication.results_contradict,
    identity.return_path_elsewhere,
    identity.reply_to_elsewhere,
    robots.return_path_missing,
    robots.responses_suppressed,
    participants.others_copied,
    injection.hidden_text,
    injection.parts_differ,
    unclear.read_in_part,
    caps.thread_stopped,
    caps.thread_cap,
    caps.sender_cap,
    caps.hourly_breaker,
)
"""Every rule; the strictest finding decides, the order says which of the strictest is named."""

RULES: Final = frozenset(rule.name for rule in CHAIN)
"""The names an office may use in ``[rules]``."""

MANDATORY: Final = frozenset(rule.name for rule in CHAIN if rule.mandatory)
"""Rules that RFC 3834 and RFC 5230 demand: an office may only make them stricter."""

_DISPOSITIONS: Final = {disposition.label: disposition for disposition in Disposition}


def judge(case: Case) -> Verdict:
    """What all rules say about ``case``, each as strict as the office wants it.

    A word in ``Office.rules`` that is no disposition changes nothing.
    """
    findings = (rule.finding(case, _strictness(rule, case)) for rule in CHAIN)
    return Verdict(findings=tuple(finding for finding in findings if finding is not None))


def _strictness(rule: Rule, case: Case) -> Disposition:
    wanted = _DISPOSITIONS.get(case.office.rules.get(rule.name, ""), rule.disposition)
    return max(wanted, rule.disposition) if rule.mandatory else wanted
