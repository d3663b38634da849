"""Rules about mail that machines write: RFC 3834 and RFC 5230, and what they do not name."""

import re
from typing import Final

from appliance.domain.verdict import Disposition
from appliance.screen.case import Case
from appliance.screen.rule import rule
from appliance.screen.words import Phrases

_COMMENT: Final = re.compile(r"\([^()]*\)")
_ROBOTS: Final = re.compile(
    r"mailer-?daemon|listserv|list-?serv|majordomo|mailman|owner-.+|.+-(?:request|owner|bounces?)"
    r"|bounces?(?:[-+=].*)?|(?:.+[-_.+])?(?:no|not|donot|do-not|do_not)[-_.]?(?:reply|respond|answer)"
    r"(?:[-_.+].*|s|\d*)|(?:.+[-_.])?(?:keine?-?antwort|nepasrepondre|ne-pas-repondre|noresponder)"
)
_LIST_HEADERS: Final = (
    "list-id",
    "list-help",
    "list-subscribe",
    "list-unsubscribe",
    "list-post",
    "list-owner",
    "list-archive",
)
_SUPPRESSED: Final = frozenset({"all", "autoreply", "oof"})
_ENCRYPTED: Final = ("multipart/encrypted", "application/pgp-encrypted")
_AWAY: Final = Phrases(
    r"^(?:re: ?)?(?:automatic reply|auto(?:matic)?[ -]?(?:reply|response|responder)|autoreply)\b",
    r"^(?:re: ?)?(?:out of (?:the )?office|ooo)\b",
    r"^自动(?:答复|回复|回覆|应答)|^(?:外出|休假)(?:自动)?(?:答复|回复|通知)",
    r"^(?:automatische (?:antwort|reply)|abwesenheits(?:notiz|nachricht|meldung)|abwesend)\b",
    r"^(?:réponse automatique|absence du bureau|respuesta automática|fuera de (?:la )?oficina)\b",
    r"^(?:risposta automatica|automatisch antwoord|resposta automática)\b",
)
_RETURNED: Final = Phrases(
    (
        r"^(?:undeliver(?:ed|able)|undelivered mail returned|mail delivery (?:failed|failure|"
        r"system))"
    ),
    r"^(?:delivery status notification|returned mail|failure notice|delivery (?:has )?failed)",
    r"^(?:退信|系统退信|邮件退回|无法投递|投递失败|未送达|邮件投递失败)",
    r"^(?:unzustellbar|nicht zustellbar|non remis|échec de remise|no se puede entregar)",
)
_READ: Final = Phrases(
    r"^(?:read|not read|gelesen|ungelesen|lu|leído)(?: ?:)|^read receipt|^lesebestätigung",
    r"^已读(?: ?:|回执)|^阅读回执|^已读回执",
)
_RECEIPT_TEXT: Final = Phrases(
    r"(?:was|wurde|has been) (?:read|gelesen|opened|displayed)",
    r"被(?:阅读|打开)|已(?:被)?(?:阅读|查看|读取)",
)
_UNATTENDED: Final = Phrases(
    r"请勿(?:直接)?(?:回复|回信|答复)",
    r"(?:邮件|消息|信件)(?:由|为|是)?系统自动(?:发送|发出|生成|回复)",
    (
        r"(?:do not|don't|cannot|can't) (?:reply|respond) (?:directly )?to (?:this|"
        r"our) (?:e-?mail|mail|message|address|notification)"
    ),
    r"this (?:is an|e-?mail is|message is|e-?mail was|message was)~ auto(?:matically|mated)",
    r"(?:diese|die) (?:e-?mail|mail|nachricht) (?:wurde|ist)~ automatisch",
    r"antworten sie (?:bitte )?nicht auf diese|bitte nicht auf diese … antworten",
    r"ne (?:pas|répondez pas) … (?:répondre|ce (?:message|courriel|mail))|message automatique",
    r"no responda … (?:este|a este)|mensaje automático|generado automáticamente",
)


def _values(case: Case, name: str) -> tuple[str, ...]:
    return tuple(
        _COMMENT.sub(" ", value).strip().lower() for value in case.message.header_all(name)
    )


@rule(
    Disposition.STOP,
    "The return path is empty, so this is a bounce or another automatic answer (RFC 3834 §2).",
    mandatory=True,
)
def null_return_path(case: Case) -> bool:
    """``Return-Path: <>``."""
    return any(
        value.replace(" ", "") in {"<>", ""} for value in case.message.header_all("return-path")
    )


@rule(
    Disposition.REVIEW,
    "The mailbox did not keep the return path, so an automatic sender may go unnoticed"
    " (RFC 3834 §2).",
)
def return_path_missing(case: Case) -> bool:
    """No ``Return-Path`` at all; many stores drop it."""
    return case.message.header("return-path") is None


@rule(
    Disposition.STOP,
    "The mail says that a machine submitted it (RFC 3834 §2 and §5, RFC 5230 §4.6).",
    mandatory=True,
)
def auto_submitted(case: Case) -> bool:
    """``Auto-Submitted`` with anything but ``no``, whatever its comments, parameters and case."""
    return any(value.partition(";")[0].strip() != "no" for value in _values(case, "auto-submitted"))


@rule(
    Disposition.STOP,
    "The sender's address belongs to a machine: a mail system, a list or a no-reply address"
    " (RFC 3834 §2, RFC 5230 §4.6).",
    mandatory=True,
)
def robot_sender(case: Case) -> bool:
    """MAILER-DAEMON, LISTSERV, majordomo, ``*-request``, ``owner-*``, the no-reply family."""
    local = case.message.sender.address.rpartition("@")[0].lower()
    return _ROBOTS.fullmatch(local[:64]) is not None


@rule(
    Disposition.HOLD,
    "The sender is the postmaster of a mail system, sometimes a person, often not (RFC 3834 §2).",
)
def postmaster(case: Case) -> bool:
    """A postmaster writes."""
    return case.message.sender.address.lower().startswith("postmaster@")


@rule(
    Disposition.STOP,
    "The mail came through a mailing list (RFC 5230 §4.6, RFC 2369, RFC 2919).",
    mandatory=True,
)
def list_mail(case: Case) -> bool:
    """Any List-Id, -Help, -Subscribe, -Unsubscribe, -Post, -Owner or -Archive."""
    return any(case.message.header(name) is not None for name in _LIST_HEADERS)


@rule(
    Disposition.STOP,
    "Its Precedence says junk or automatic reply (RFC 3834 §2, RFC 5230 §4.6).",
    mandatory=True,
)
def precedence_junk(case: Case) -> bool:
    """``Precedence: junk`` or ``auto_reply``."""
    return any(value in {"junk", "auto_reply", "auto-reply"} for value in _precedence(case))


@rule(
    Disposition.HOLD,
    "Its Precedence says bulk or list; still, a person may write through a list (RFC 3834 §2).",
)
def precedence_bulk(case: Case) -> bool:
    """``Precedence: bulk`` or ``list``."""
    return any(value in {"bulk", "list"} for value in _precedence(case))


def _precedence(case: Case) -> tuple[str, ...]:
    return _values(case, "precedence")


@rule(
    Disposition.REVIEW,
    "The sender's mail system asks for no automatic replies (X-Auto-Response-Suppress).",
)
def responses_suppressed(case: Case) -> bool:
    """``X-Auto-Response-Suppress`` with All, AutoReply or OOF."""
    return any(
        word.strip() in _SUPPRESSED
        for value in _values(case, "x-auto-response-suppress")
        for word in value.split(",")
    )


@rule(
    Disposition.STOP,
    "It is a report of a mail system about a mail sent earlier (RFC 3464, RFC 6522).",
)
def delivery_report(case: Case) -> bool:
    """``multipart/report``, ``X-Failed-Recipients``, or the subject of a returned mail."""
    message = case.message
    return (
        message.media_type == "multipart/report"
        or message.header("x-failed-recipients") is not None
        or _has_part(case, ("message/delivery-status",))
        or _RETURNED.found(case.subject)
    )


@rule(Disposition.STOP, "It is a read receipt (RFC 8098).")
def read_receipt(case: Case) -> bool:
    """A disposition notification, or the text of one that lost its structure."""
    if _has_part(case, ("message/disposition-notification",)):
        return True
    return _READ.found(case.subject) and _RECEIPT_TEXT.found(case.unquoted)


@rule(
    Disposition.STOP,
    "An automatic responder wrote it (X-Autoreply, X-Autorespond, or the subject says so).",
)
def autoresponder(case: Case) -> bool:
    """Older marks of vacation programs and their subjects."""
    names = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-auto-reply")
    marked = any(value not in {"no", "false"} for name in names for value in _values(case, name))
    return marked or _AWAY.found(case.subject)


@rule(Disposition.STOP, "It was sent to many at once by a mailing service (Feedback-ID).")
def feedback_id(case: Case) -> bool:
    """``Feedback-ID``, which mass senders set."""
    return case.message.header("feedback-id") is not None


@rule(Disposition.STOP, "It is a calendar request, not a letter (RFC 5546).")
def calendar_request(case: Case) -> bool:
    """An invitation, its change, its cancellation or an answer to one of ours."""
    content_class = case.message.header("content-class") or ""
    return content_class.strip().lower().endswith("calendarmessage") or any(
        part.startswith("text/calendar") and "method=" in part and "method=publish" not in part
        for part in _parts(case)
    )


@rule(Disposition.HOLD, "It carries a calendar entry that does not say what it asks (RFC 5545).")
def calendar_part(case: Case) -> bool:
    """A calendar part without a method, as a person may attach one."""
    return any(part.startswith("text/calendar") and "method=" not in part for part in _parts(case))


@rule(Disposition.HOLD, "It is encrypted, so nobody but a person with the key can read it.")
def encrypted(case: Case) -> bool:
    """S/MIME or PGP, also PGP inside of the text."""
    if _has_part(case, _ENCRYPTED) or "encrypted" in case.message.oddities:
        return True
    return any(
        part.startswith(("application/pkcs7-mime", "application/x-pkcs7-mime"))
        and "signed-data" not in part
        for part in _parts(case)
    )


@rule(Disposition.STOP, "It says itself that a machine sent it and that nobody reads answers.")
def unattended_sender(case: Case) -> bool:
    """The sentence "do not reply to this message", in five languages."""
    return _UNATTENDED.found(case.unquoted)


def _parts(case: Case) -> tuple[str, ...]:
    return (case.message.media_type, *case.message.parts)


def _has_part(case: Case, types: tuple[str, ...]) -> bool:
    return any(part.startswith(types) for part in _parts(case))
