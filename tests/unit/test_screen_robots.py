"""Mail of machines (RFC 3834, RFC 5230) and what looks like it."""

import pytest

from appliance.domain.verdict import Disposition
from tests.screen_cases import CLEAN, applies, case, found, mail, person, route

STOP, HOLD, REVIEW = Disposition.STOP, Disposition.HOLD, Disposition.REVIEW

MARKS = [
    ("null_return_path", STOP, ("return-path", "<>")),
    ("null_return_path", STOP, ("return-path", " < > ")),
    ("auto_submitted", STOP, ("auto-submitted", "auto-replied")),
    ("auto_submitted", STOP, ("auto-submitted", "AUTO-Generated; owner-email=a@b.example")),
    ("auto_submitted", STOP, ("auto-submitted", "(vacation) auto-replied (away)")),
    ("list_mail", STOP, ("list-id", "<talk.lists.example.org>")),
    ("list_mail", STOP, ("list-help", "<mailto:help@lists.example.org>")),
    ("list_mail", STOP, ("list-subscribe", "<mailto:s@lists.example.org>")),
    ("list_mail", STOP, ("list-unsubscribe", "<https://lists.example.org/u>")),
    ("list_mail", STOP, ("list-post", "NO")),
    ("list_mail", STOP, ("list-owner", "<mailto:o@lists.example.org>")),
    ("list_mail", STOP, ("list-archive", "<https://lists.example.org/a>")),
    ("precedence_junk", STOP, ("precedence", "Junk")),
    ("precedence_junk", STOP, ("precedence", "auto_reply")),
    ("precedence_bulk", HOLD, ("precedence", "BULK")),
    ("precedence_bulk", HOLD, ("precedence", "list")),
    ("responses_suppressed", REVIEW, ("x-auto-response-suppress", "DR, AutoReply")),
    ("responses_suppressed", REVIEW, ("x-auto-response-suppress", "All")),
    ("delivery_report", STOP, ("x-failed-recipients", "a@b.example")),
    ("autoresponder", STOP, ("x-autoreply", "yes")),
    ("autoresponder", STOP, ("x-autorespond", "away")),
    ("feedback_id", STOP, ("feedback-id", "41:weekly:shop")),
    ("calendar_request", STOP, ("content-class", "urn:content-classes:calendarmessage")),
]


@pytest.mark.parametrize(("rule", "disposition", "header"), MARKS)
def test_each_mark_of_a_machine_is_found(
    rule: str, disposition: Disposition, header: tuple[str, str]
) -> None:
    assert found(case(mail(extra=(header,))))[rule] is disposition


@pytest.mark.parametrize(
    ("rule", "header"),
    [
        ("auto_submitted", ("auto-submitted", "no")),
        ("auto_submitted", ("auto-submitted", "No (a person)")),
        ("responses_suppressed", ("x-auto-response-suppress", "DR, RN, NRN")),
        ("precedence_junk", ("precedence", "first-class")),
        ("precedence_bulk", ("precedence", "special-delivery")),
        ("autoresponder", ("x-autoreply", "no")),
        ("calendar_request", ("content-class", "urn:content-classes:message")),
        ("list_mail", ("x-list", "x")),
    ],
)
def test_what_only_looks_like_a_mark_is_let_through(rule: str, header: tuple[str, str]) -> None:
    assert not applies(rule, case(mail(extra=(header,))))


def test_a_plain_question_has_no_finding_at_all() -> None:
    assert found(case()) == {}


def test_a_mail_without_return_path_is_drafted_for_a_person() -> None:
    judged = case(mail(headers=CLEAN[1:]))
    assert found(judged) == {"return_path_missing": REVIEW}
    assert route(judged) == "answer"


@pytest.mark.parametrize(
    "local",
    [
        "MAILER-DAEMON",
        "mailerdaemon",
        "LISTSERV",
        "majordomo",
        "cyclists-request",
        "owner-cyclists",
        "talk-bounces",
        "bounces+123=a.example",
        "no-reply",
        "noreply",
        "NoReply-orders",
        "do-not-reply",
        "donotreply",
        "not_reply",
        "billing.noreply",
        "no-reply2",
        "keine-antwort",
        "ne-pas-repondre",
    ],
)
def test_a_machine_address_is_never_answered(local: str) -> None:
    sender = person(f"{local}@customer.example.org")
    assert found(case(mail(sender=sender)))["robot_sender"] is STOP


@pytest.mark.parametrize(
    "local", ["noreen", "owner", "no.replyson.maybe", "reply", "request", "norepl", "bounce.house"]
)
def test_an_address_that_only_resembles_a_machine_is_a_person(local: str) -> None:
    assert not applies("robot_sender", case(mail(sender=person(f"{local}@customer.example.org"))))


def test_a_postmaster_is_for_a_person() -> None:
    assert found(case(mail(sender=person("postmaster@customer.example.org"))))["postmaster"] is HOLD
    assert not applies("postmaster", case())


@pytest.mark.parametrize(
    ("rule", "disposition", "media_type", "parts"),
    [
        ("delivery_report", STOP, "multipart/report", ("text/plain", "message/delivery-status")),
        ("delivery_report", STOP, "multipart/mixed", ("text/plain", "message/delivery-status")),
        ("read_receipt", STOP, "multipart/report", ("message/disposition-notification",)),
        ("calendar_request", STOP, "multipart/alternative", ("text/calendar; method=request",)),
        ("calendar_request", STOP, "text/calendar; method=cancel", ()),
        ("calendar_request", STOP, "multipart/mixed", ("text/calendar; method=reply",)),
        ("calendar_part", HOLD, "multipart/mixed", ("text/plain", "text/calendar")),
        ("encrypted", HOLD, "multipart/encrypted", ("application/pgp-encrypted",)),
        ("encrypted", HOLD, "application/pkcs7-mime; smime-type=enveloped-data", ()),
        ("encrypted", HOLD, "application/x-pkcs7-mime", ()),
    ],
)
def test_the_kind_of_a_mail_is_told_by_its_parts(
    rule: str, disposition: Disposition, media_type: str, parts: tuple[str, ...]
) -> None:
    assert found(case(mail(media_type=media_type, parts=parts)))[rule] is disposition


@pytest.mark.parametrize(
    "parts",
    [
        ("text/plain", "application/pkcs7-signature"),
        ("application/pkcs7-mime; smime-type=signed-data",),
        ("text/plain", "text/calendar; method=publish"),
        ("text/plain", "text/html", "image/png"),
    ],
)
def test_signed_mail_and_published_dates_are_ordinary(parts: tuple[str, ...]) -> None:
    assert found(case(mail(media_type="multipart/mixed", parts=parts))) == {}


def test_text_in_pgp_armour_is_encrypted() -> None:
    assert found(case(mail(oddities=("encrypted",))))["encrypted"] is HOLD


@pytest.mark.parametrize(
    ("rule", "subject"),
    [
        ("autoresponder", "Automatic reply: Your order"),
        ("autoresponder", "Out of Office: Re: bike"),
        ("autoresponder", "自动答复: 回复: 询价"),
        ("autoresponder", "自動回覆：詢價"),
        ("autoresponder", "Automatische Antwort: Reservierung"),
        ("autoresponder", "Abwesenheitsnotiz"),
        ("autoresponder", "Réponse automatique : vélo"),
        ("autoresponder", "Respuesta automática: bici"),
        ("delivery_report", "Undelivered Mail Returned to Sender"),
        ("delivery_report", "Mail delivery failed: returning message to sender"),
        ("delivery_report", "系统退信"),
        ("delivery_report", "Unzustellbar: Re: Rad"),
    ],
)
def test_machines_without_marks_are_known_by_their_subject(rule: str, subject: str) -> None:
    assert found(case(mail(subject=subject)))[rule] is STOP


@pytest.mark.parametrize(
    "subject",
    [
        "Is your automatic gearbox out of production?",
        "自动洗衣机怎么退货",
        "Re: Öffnungszeiten",
        "Question about delivery",
        "Why was my mail returned?",
    ],
)
def test_subjects_of_people_are_no_mark(subject: str) -> None:
    assert route(case(mail(subject=subject))) == "answer"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Read: Your invoice", "Your message was read on Monday."),
        ("已读: 回复: 退货", "您的邮件已于 8:31 被阅读。"),
        ("Gelesen: Rechnung", "Ihre Nachricht wurde gelesen am Montag."),
    ],
)
def test_a_read_receipt_without_structure_is_known_by_its_words(subject: str, text: str) -> None:
    assert found(case(mail(text, subject=subject)))["read_receipt"] is STOP


def test_a_subject_that_begins_with_read_is_no_receipt_by_itself() -> None:
    judged = case(mail("Do you sell books about touring?", subject="Read: any books?"))
    assert not applies("read_receipt", judged)


@pytest.mark.parametrize(
    "text",
    [
        "Your parcel was signed for. Please do not reply to this e-mail.",
        "This is an automated message from the parcel service.",
        "本邮件由系统自动发送，请勿直接回复。",
        "本郵件為系統自動發送，請勿回覆。",
        "Diese E-Mail wurde automatisch erstellt. Bitte antworten Sie nicht auf diese Nachricht.",
        "Ceci est un message automatique, merci de ne pas y répondre.",
        "Mensaje automático: por favor, no responda a este correo.",
    ],
)
def test_a_mail_that_nobody_reads_answers_to_is_left_alone(text: str) -> None:
    assert found(case(mail(text)))["unattended_sender"] is STOP


def test_our_own_disclosure_in_an_inline_reply_is_no_mark_of_a_machine() -> None:
    text = (
        "> 本邮件由自动助手撰写。直接回复本邮件即可联系人工客服。\n"
        "> This reply was written by an automatic assistant. Answer it to reach a person.\n"
        "> Diese Antwort hat ein automatischer Assistent verfasst.\n"
        "Thanks! And on Sunday?"
    )
    assert found(case(mail(text))) == {}
